/** What became of the sessions that this agent was ordered to make, on disk: an order that comes again after a crash is recognised. */
import { z } from 'zod';
import type { Logger } from '../adapters/logging.ts';
import { attempt, sentence, sessionIdText, sessionSpec, time } from '../adapters/wire/agent-parts.ts';
import type { SessionId } from '../domain/ids.ts';
import type { SessionSpec } from '../domain/session/events.ts';
import type { RecordLog } from './storage.ts';
import { messageOf } from './thrown.ts';

/**
 * One session's newest attempt. `begun`: its creation was started and nothing is known of how it ended. On the host it is called
 * by its session id.
 */
export interface Entry {
  readonly sessionId: SessionId;
  readonly attempt: number;
  readonly phase: 'begun' | 'started' | 'failed' | 'ended';
  /** Of `failed` and `ended`. */
  readonly reason?: string | undefined;
  /** As ordered, without the permissions file, which may be large and is not asked for again. */
  readonly spec: SessionSpec;
  readonly creationTime: number;
}

export interface Journal {
  find(sessionId: SessionId): Entry | undefined;
  /** All entries of one phase. */
  inPhase(phase: Entry['phase']): readonly Entry[];
  /** Resolves when it is on disk; rejects when it cannot be. */
  write(entry: Entry): Promise<void>;
  /** The same for what has happened already and is to be told in any case: what cannot be written is logged. Never rejects. */
  note(entry: Entry): Promise<void>;
}

const entrySchema: z.ZodType<Entry> = z.strictObject({
  sessionId: sessionIdText,
  attempt,
  phase: z.enum(['begun', 'started', 'failed', 'ended']),
  reason: sentence.optional(),
  spec: sessionSpec,
  creationTime: time,
});

/** Finished sessions that are remembered: more than a broker would ever ask about again, less than a megabyte or two. */
const FINISHED_ENTRIES = 1000;

export async function openJournal(storage: RecordLog, log: Logger): Promise<Journal> {
  const stored = await storage.load();
  const entries = entriesIn(stored, log);
  let records = stored.length;
  let ceiling = ceilingFor(entries);

  async function compact(): Promise<void> {
    forgetOldest(entries);
    records = entries.size;
    ceiling = ceilingFor(entries);
    await storage.replace([...entries.values()]);
  }

  async function write(entry: Entry): Promise<void> {
    entries.delete(entry.sessionId);
    entries.set(entry.sessionId, entry);
    records += 1;
    await storage.append([entry]);
    if (records > ceiling) await compact();
  }

  return {
    find: (id) => entries.get(id),
    inPhase: (phase) => [...entries.values()].filter((entry) => entry.phase === phase),
    write,
    async note(entry) {
      const lost = (error: unknown): void =>
        log.error({ sessionId: entry.sessionId, error: messageOf(error) }, 'the journal could not be written');
      await write(entry).catch(lost);
    },
  };
}

function entriesIn(stored: readonly unknown[], log: Logger): Map<SessionId, Entry> {
  const entries = new Map<SessionId, Entry>();
  for (const record of stored) {
    const entry = entrySchema.safeParse(record);
    if (!entry.success) {
      log.warn({ record }, 'a record of the journal is not one of this version and is passed over');
      continue;
    }
    // The newest goes last, so that the first ones are the oldest.
    entries.delete(entry.data.sessionId);
    entries.set(entry.data.sessionId, entry.data);
  }
  return entries;
}

/** Records in the file that make it worth writing anew. */
function ceilingFor(entries: ReadonlyMap<SessionId, Entry>): number {
  return 2 * entries.size + FINISHED_ENTRIES;
}

function forgetOldest(entries: Map<SessionId, Entry>): void {
  const finished = [...entries.values()].filter((entry) => entry.phase === 'failed' || entry.phase === 'ended');
  for (const entry of finished.slice(0, -FINISHED_ENTRIES)) entries.delete(entry.sessionId);
}
