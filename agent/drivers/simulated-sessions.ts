/** The sessions of a simulated DCV server, in a file or in memory: like real ones, they outlive the agent. */
import { z } from 'zod';
import { PRIVATE_MODE, replaceFile } from '../../adapters/files.ts';
import { readIfThere } from '../file-storage.ts';
import type { DriverSession } from './driver.ts';

export interface SimulatedSession extends DriverSession {
  /** Base64. */
  readonly permissionsFile?: string | undefined;
}

export interface SessionShelf {
  load(): Promise<readonly SimulatedSession[]>;
  /** Resolves when a process that starts afterwards would find them. */
  save(sessions: readonly SimulatedSession[]): Promise<void>;
}

const shelfSchema: z.ZodType<readonly SimulatedSession[]> = z.array(
  z.strictObject({
    localId: z.string(),
    name: z.string(),
    owner: z.string(),
    sessionType: z.enum(['CONSOLE', 'VIRTUAL']),
    creationTime: z.number(),
    connections: z.number(),
    lastDisconnectionTime: z.number().optional(),
    storageRoot: z.string().optional(),
    permissionsFile: z.string().optional(),
  }),
);

export function createMemoryShelf(): SessionShelf {
  let kept: readonly SimulatedSession[] = [];
  return {
    load: async () => kept,
    save: async (sessions) => {
      kept = sessions;
    },
  };
}

/** What the simulated server holds; every change is on the shelf before anyone is told. */
export interface SimulatedSessions {
  all(): readonly SimulatedSession[];
  find(localId: string): SimulatedSession | undefined;
  put(session: SimulatedSession): Promise<void>;
  remove(localId: string): Promise<void>;
}

export async function openSessions(shelf: SessionShelf, changed: () => void): Promise<SimulatedSessions> {
  const sessions = new Map((await shelf.load()).map((session) => [session.localId, session]));

  async function save(): Promise<void> {
    await shelf.save([...sessions.values()]);
    changed();
  }

  return {
    all: () => [...sessions.values()],
    find: (localId) => sessions.get(localId),
    async put(session) {
      sessions.set(session.localId, session);
      await save();
    },
    async remove(localId) {
      if (sessions.delete(localId)) await save();
    },
  };
}

/** Saves that come while one is being written share the next. */
export function createFileShelf(path: string): SessionShelf {
  let latest: readonly SimulatedSession[] = [];
  let last: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;

  async function write(after: Promise<void>): Promise<void> {
    await after.catch(() => undefined);
    waiting = undefined;
    await replaceFile(path, `${JSON.stringify(latest)}\n`, PRIVATE_MODE);
  }

  return {
    load: async () => shelfSchema.parse(JSON.parse((await readIfThere(path)) ?? '[]')),
    save(sessions) {
      latest = sessions;
      if (waiting === undefined) {
        waiting = write(last);
        last = waiting;
      }
      return waiting;
    },
  };
}
