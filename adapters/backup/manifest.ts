/** `backup.json`: what a backup holds. It comes last, so a folder without it is no backup. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';

export const MANIFEST_FILE = 'backup.json';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
/** Below the folder, with `/` between its parts; so no manifest leads elsewhere. */
const path = z.string().regex(/^(?!\.)[\w.-]+(?:\/(?!\.)[\w.-]+)*$/);
const copied = z.strictObject({ path, bytes: z.int().min(0), sha256: hash });
const shape = z.strictObject({
  /** Goes up when a version of Berth writes what older ones cannot read. */
  format: z.literal(1),
  /** When the copy of the log was begun, ISO 8601. */
  time: z.iso.datetime(),
  /** Facts in the log, and the position of the last; null: the log is kept elsewhere. */
  log: z.strictObject({ facts: z.int().min(0), position: z.int().min(0) }).nullable(),
  files: z.array(copied).max(1_000_000),
});

export type Manifest = z.infer<typeof shape>;
export type CopiedFile = z.infer<typeof copied>;

/** Throws with a sentence for the operator. */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, MANIFEST_FILE);
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === 'ENOENT' ? `it has no ${MANIFEST_FILE}` : `its ${MANIFEST_FILE} cannot be read (${cause.code})`;
    throw new Error(`${folder} is not a whole backup: ${what}.`, { cause });
  });
  try {
    return shape.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${file} is not what a backup of this version of Berth says, or was damaged.`, { cause });
  }
}

/** Reads the file. */
export async function describeFile(folder: string, path: string): Promise<CopiedFile> {
  const file = join(folder, path);
  const digest = createHash('sha256');
  await pipeline(createReadStream(file), digest);
  return { path, bytes: (await stat(file)).size, sha256: digest.digest('hex') };
}

/** Every file of the backup that is not there as it was written, in a sentence. */
export async function damageOf(folder: string, files: readonly CopiedFile[]): Promise<readonly string[]> {
  const damage: string[] = [];
  for (const { path, bytes, sha256 } of files) {
    const found = await describeFile(folder, path).catch((error: NodeJS.ErrnoException) => error.code);
    if (typeof found !== 'object') damage.push(`${path} cannot be read (${found}).`);
    else if (found.bytes !== bytes) damage.push(`${path} has ${found.bytes} bytes instead of ${bytes}.`);
    else if (found.sha256 !== sha256) damage.push(`${path} is not what was written.`);
  }
  return damage;
}
