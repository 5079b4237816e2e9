/**
 * What versions before the shared keys kept in files of the data folder, to be taken over into the log: tokens and certificates that were given out stay
 * good. The files are not used after that.
 */
import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { SigningPair } from '../certificate-issuer.ts';
import { readPair } from '../certificates.ts';
import type { Logger } from '../logging.ts';
import type { NamedKey } from './signing-keys.ts';

export interface FormerKeys {
  /** The newest last; none where there is no such file. Throws a sentence for one that holds no keys. */
  signingKeys(): Promise<readonly NamedKey[]>;
  authority(): Promise<SigningPair | undefined>;
}

const rsaKey = z.looseObject({ kid: z.uuid(), kty: z.literal('RSA'), d: z.string() });
const keySet = z.object({ keys: z.array(rsaKey).min(1) });

/** `now`: milliseconds since 1970. */
export function formerKeys(dataDir: string, now: number, logger: Logger): FormerKeys {
  return {
    async signingKeys() {
      const file = join(dataDir, 'secrets', 'signing-keys.json');
      const text = await readFile(file, 'utf8').catch(() => undefined);
      if (text === undefined) return [];
      logger.info({ file }, 'The signing keys of this file go into the log; the file is not used any more.');
      return parseKeys(file, text);
    },
    async authority() {
      const folder = join(dataDir, 'tls');
      const pair = await readPair(folder, 'ca', now);
      if (pair !== undefined)
        logger.info({ file: join(folder, 'ca.key') }, 'The authority goes into the log; the file of its key is not used any more.');
      return pair;
    },
  };
}

/** In the file the first key signs. */
function parseKeys(file: string, text: string): readonly NamedKey[] {
  try {
    const { keys } = keySet.parse(JSON.parse(text));
    return keys.map((jwk) => ({ kid: jwk.kid, privateKey: createPrivateKey({ key: jwk, format: 'jwk' }) })).toReversed();
  } catch (cause) {
    throw new Error(`${file} holds no signing keys that can be read`, { cause });
  }
}
