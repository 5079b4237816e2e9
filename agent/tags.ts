/** The tags of a server: those of every `*.toml` in the tags folders, and those that the agent adds itself. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import type { Logger } from '../adapters/logging.ts';
import type { ServerDescription } from '../domain/server/events.ts';
import { messageOf } from './thrown.ts';
import { createLineFinder, MAX_TOML_BYTES } from './toml-lines.ts';

export type Tags = ServerDescription['tags'];

export interface BuiltInTags {
  readonly osFamily: string;
  readonly maxVirtualSessions: number;
  readonly maxSessionsPerOwner: number;
}

/** Reads the files anew, and logs what is wrong with them when that was not so the last time. Never rejects. */
export type ReadTags = (builtIn: BuiltInTags) => Promise<Tags>;

/** Characters of a key or a value that the wire takes. */
const LENGTH = 1024;
const MAX_TAGS = 400;

/** One tag that a file gives. */
interface Tag {
  readonly key: string;
  readonly value: string;
  /** File and line. */
  readonly place: string;
}

/** What a file gave, and what is wrong with it. */
interface Content {
  readonly tags: readonly Tag[];
  readonly problems: readonly string[];
}

/**
 * Files in alphabetical order, folder by folder, the last value of a key wins; the built-in ones always do. What cannot be used is passed over, and
 * of a file that cannot be read what it gave before still counts: it may just be written.
 */
export function createTagReader(folders: readonly string[], log: Logger): ReadTags {
  let complaints = new Set<string>();
  let contents = new Map<string, Content>();

  async function filesNow(): Promise<ReadonlyMap<string, Content>> {
    const paths = (await Promise.all(folders.map(tomlFiles))).flat();
    const read = await Promise.all(paths.map(async (path) => [path, await contentOf(path, contents.get(path))] as const));
    contents = new Map(read);
    return contents;
  }

  function complain(problems: readonly string[]): void {
    for (const problem of problems) if (!complaints.has(problem)) log.warn({ problem }, 'a tag is passed over');
    complaints = new Set(problems);
  }

  return async (builtIn) => {
    const files = [...(await filesNow()).values()];
    const own = builtInTags(builtIn);
    const problems = files.flatMap((file) => file.problems);
    const tags = new Map<string, string>();
    for (const { key, value, place } of files.flatMap((file) => file.tags)) {
      if (own.has(key)) problems.push(`${place}: the tag "${key}" is the agent's own and is not set by files`);
      else if (tags.size < MAX_TAGS || tags.has(key)) tags.set(key, value);
      else problems.push(`${place}: the tag "${key}" is one more than the ${MAX_TAGS} that a server may have`);
    }
    complain(problems);
    return [...tags, ...own].map(([key, value]) => ({ key, value })).sort((a, b) => (a.key < b.key ? -1 : 1));
  };
}

function builtInTags({ osFamily, maxVirtualSessions, maxSessionsPerOwner }: BuiltInTags): ReadonlyMap<string, string> {
  return new Map([
    ['dcv:os-family', osFamily],
    ['dcv:max-virtual-sessions', String(maxVirtualSessions)],
    ['dcv:max-concurrent-sessions-per-user', String(maxSessionsPerOwner)],
  ]);
}

async function tomlFiles(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.endsWith('.toml'))
    .sort()
    .map((name) => join(folder, name));
}

async function contentOf(path: string, former: Content | undefined): Promise<Content> {
  try {
    return tagsIn(path, await readFile(path, 'utf8'));
  } catch (error) {
    const place = error instanceof TomlError ? `${path} line ${error.line}` : path;
    const kept = former === undefined || former.tags.length === 0 ? '' : '; what it gave before still counts';
    return { tags: former?.tags ?? [], problems: [`${place}: ${messageOf(error).split('\n')[0]}${kept}`] };
  }
}

/** Numbers and booleans are taken as the text that they were written for. */
function tagsIn(path: string, toml: string): Content {
  if (toml.length > MAX_TOML_BYTES) throw new Error(`the file is larger than ${MAX_TOML_BYTES} bytes`);
  const entries = Object.entries(parse(toml));
  const lineOf = createLineFinder(entries.length > 0 ? toml : '');
  const all = entries.map(([key, value]) => ({ key, value, place: `${path} line ${lineOf([key])}` }));
  const problems = all.flatMap((entry) => problemWith(entry) ?? []);
  const tags = all.filter((entry) => problemWith(entry) === undefined).map((entry) => ({ ...entry, value: String(entry.value) }));
  return { tags, problems };
}

function problemWith({ key, value, place }: { readonly key: string; readonly value: unknown; readonly place: string }): string | undefined {
  if (typeof value === 'object') return `${place}: the tag "${key}" is neither text nor a number nor true or false; tags have no parts`;
  if (key === '' || key.length > LENGTH) return `${place}: the name of a tag has 1 to ${LENGTH} characters`;
  return String(value).length > LENGTH ? `${place}: the tag "${key}" has more than ${LENGTH} characters` : undefined;
}
