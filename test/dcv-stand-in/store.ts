/** What a stand-in for the DCV server keeps on disk: a file for each session, what it was called with, and how it is to behave. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HEALTHY, type Knobs } from './knobs.ts';

export interface StandInSession {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly user: string;
  readonly type: 'console' | 'virtual';
  readonly gl: string | null;
  readonly maxClients: number | null;
  readonly storageRoot: string;
  /** What stood in the file when it was read. */
  readonly permissions: string | null;
  readonly init: string | null;
  /** ISO 8601 with microseconds, as the next. */
  readonly creationTime: string;
  readonly lastDisconnectionTime: string;
  readonly users: readonly string[];
}

export interface Store {
  readonly folder: string;
  knobs(): Knobs;
  turn(knobs: Partial<Knobs>): void;
  sessions(): readonly StandInSession[];
  /** False: there is one of its id. */
  add(session: StandInSession): boolean;
  replace(session: StandInSession): void;
  remove(id: string): void;
  log(parameters: readonly string[]): void;
  /** Oldest first. */
  calls(): readonly (readonly string[])[];
  forgetCalls(): void;
}

export function openStore(folder: string): Store {
  const sessionFolder = join(folder, 'sessions');
  const knobFile = join(folder, 'knobs.json');
  const callFile = join(folder, 'calls.jsonl');
  const fileOf = (id: string): string => join(sessionFolder, `${encodeURIComponent(id)}.json`);
  mkdirSync(sessionFolder, { recursive: true });

  /** In one step, since other calls may be reading. */
  function put(path: string, value: unknown): void {
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(value));
    renameSync(draft, path);
  }

  function knobs(): Knobs {
    return { ...HEALTHY, ...JSON.parse(textOf(knobFile) ?? '{}') };
  }

  return {
    folder,
    knobs,
    turn: (changed) => put(knobFile, { ...knobs(), ...changed }),
    sessions() {
      const names = readdirSync(sessionFolder).filter((name) => name.endsWith('.json'));
      const texts = names.sort().map((name) => textOf(join(sessionFolder, name)));
      return texts.filter((text) => text !== undefined).map((text) => JSON.parse(text));
    },
    add(session) {
      try {
        writeFileSync(`${fileOf(session.id)}.lock`, '', { flag: 'wx' });
      } catch {
        return false;
      }
      put(fileOf(session.id), session);
      return true;
    },
    replace: (session) => put(fileOf(session.id), session),
    remove(id) {
      rmSync(fileOf(id), { force: true });
      rmSync(`${fileOf(id)}.lock`, { force: true });
    },
    log: (parameters) => appendFileSync(callFile, `${JSON.stringify(parameters)}\n`),
    calls() {
      const lines = (textOf(callFile) ?? '').split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line));
    },
    forgetCalls: () => rmSync(callFile, { force: true }),
  };
}

/** Undefined: there is none, or it went just now. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
