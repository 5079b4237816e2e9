/** The tags of a server: those of every `*.toml` in the tags folders, and those that the agent adds itself. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import type { Logger } from '../adapters/logging.ts';
import type { ServerDescription } from '../domain/server/events.ts';
import { messageOf } from './thrown.ts';

export type Tags = ServerDescription['tags'];

export interface BuiltInTags {
  readonly osFamily: string;
  readonly maxVirtualSessions: number;
  readonly maxSessionsPerOwner: number;
}

/** Characters of a key or a value that the wire takes. */
const LENGTH = 1024;
const MAX_TAGS = 400;

/** Files in alphabetical order, the last value of a key wins; the built-in ones always do. What cannot be used is logged and passed over. */
export async function readTags(folders: readonly string[], builtIn: BuiltInTags, log: Logger): Promise<Tags> {
  const tags = new Map<string, string>();
  for (const path of (await Promise.all(folders.map(tomlFiles))).flat()) {
    for (const [key, value] of await tagsIn(path, log)) {
      if (tags.size < MAX_TAGS || tags.has(key)) tags.set(key, value);
      else log.warn({ path, key }, 'a tag is passed over because there are too many');
    }
  }
  tags.set('dcv:os-family', builtIn.osFamily);
  tags.set('dcv:max-virtual-sessions', String(builtIn.maxVirtualSessions));
  tags.set('dcv:max-concurrent-sessions-per-user', String(builtIn.maxSessionsPerOwner));
  return [...tags].map(([key, value]) => ({ key, value })).sort((a, b) => (a.key < b.key ? -1 : 1));
}

async function tomlFiles(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.endsWith('.toml'))
    .sort()
    .map((name) => join(folder, name));
}

/** Numbers and booleans are taken as the text that they were written for. */
async function tagsIn(path: string, log: Logger): Promise<readonly [string, string][]> {
  try {
    const entries = Object.entries(parse(await readFile(path, 'utf8')));
    const tags = entries.map(([key, value]): [string, string] => [key, String(value)]);
    const usable = tags.filter(([key, value], index) => isScalar(entries[index]?.[1]) && fits(key) && value.length <= LENGTH);
    if (usable.length < tags.length) log.warn({ path }, 'tags that are no text, or too long, are passed over');
    return usable;
  } catch (error) {
    log.warn({ path, error: messageOf(error) }, 'a file of tags cannot be read and is passed over');
    return [];
  }
}

function fits(key: string): boolean {
  return key.length > 0 && key.length <= LENGTH;
}

function isScalar(value: unknown): boolean {
  return ['string', 'number', 'boolean', 'bigint'].includes(typeof value);
}
