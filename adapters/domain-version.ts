/** What tells one build of the domain from another, for whatever is kept of it and holds for that build alone. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DOMAIN = fileURLToPath(new URL('../domain', import.meta.url));

/**
 * SHA-256, in hexadecimal, over the code of the domain and the version of XState. Any change there may change what a machine remembers, and no
 * number that somebody must think of raising would notice all of them.
 */
export function domainVersion(folder = DOMAIN): string {
  const hash = createHash('sha256').update(xstateVersion());
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (file.endsWith('.js')) hash.update(`\n${file}\n`).update(readFileSync(join(folder, file)));
  }
  return hash.digest('hex');
}

function xstateVersion(): string {
  const { version } = createRequire(import.meta.url)('xstate/package.json') as { readonly version: string };
  return version;
}
