/** Logs in files that somebody with a database program lays hands on, and what an audit makes of them. */
import { join } from 'node:path';
import type { Test } from 'tap';
import { chained } from '../../adapters/evidence/chained.ts';
import type { Trust } from '../../adapters/evidence/checkpoint-check.ts';
import type { Fault } from '../../adapters/evidence/fault.ts';
import { EVIDENCE_FILE, type Published, publishedIn } from '../../adapters/evidence/published.ts';
import { openConnection } from '../../adapters/sqlite/connection.ts';
import { openSqliteEventLog } from '../../adapters/sqlite/event-log.ts';
import { openSqliteLogReader } from '../../adapters/sqlite/log-reader.ts';
import { type NewFact, NO_STREAM } from '../../domain/facts.ts';
import { streamName } from '../../domain/ids.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import { type Audit, audit, KEY, seal, trusting } from './evidence.ts';
import { newFact } from './new-facts.ts';
import { temporaryFolder } from './read-model.ts';

export const DESK = streamName('desk', '1');
export const CHAIR = streamName('chair', '1');
export const LAMP = streamName('lamp', '1');

/** One letter a fact: `d` is the next of the desk, `c` of the chair, `l` of the lamp, `n` of the newcomer; `|` is a checkpoint. */
export const STORY = 'ddcddl|ccdl|dn';
const STREAMS = { d: DESK, c: CHAIR, l: LAMP, n: streamName('newcomer', '1') } as const;

/** Writes a story to the end of the log: fact after fact, so that position n of an SQLite file is letter n. */
export async function tell(log: EventLog, story: string, published: Published, key = KEY): Promise<void> {
  for (const letter of story) {
    if (letter === '|') await seal(log, published, key);
    else {
      const stream = STREAMS[letter as keyof typeof STREAMS];
      const last = (await log.readStream(stream, 0, 1000)).at(-1) ?? (await log.removal(stream));
      const revision = last?.revision ?? NO_STREAM;
      await log.append(stream, revision, [numbered(revision + 1)]);
    }
  }
}

const numbered = (number: number): NewFact => newFact({ number, text: 'somewhere' });

export interface LogFile {
  readonly dataDir: string;
  readonly file: string;
  readonly published: Published;
  /** Does this to the file, with nothing of ours in between. */
  tamper(sql: string): Promise<void>;
  /** Opens it as a broker does. */
  open(): Promise<EventLog>;
  /** `trust`: by default the key that it was sealed with, and nothing else. */
  audit(trust?: Trust): Promise<Audit>;
  /** That key, and the newest checkpoint as it is published now. */
  kept(): Promise<Trust>;
}

/** An SQLite log with a story in it, closed. */
export async function writeLog(t: Test, story = STORY, key = KEY): Promise<LogFile> {
  const dataDir = temporaryFolder(t);
  const file = join(dataDir, 'log.sqlite');
  const published = publishedIn(join(dataDir, EVIDENCE_FILE));
  const open = async (): Promise<EventLog> => chained(await openSqliteEventLog(file));
  const log = await open();
  await tell(log, story, published, key);
  await log.close();
  return {
    dataDir,
    file,
    published,
    open,
    async tamper(sql) {
      const connection = await openConnection(file, {});
      await connection.exec(sql);
      await connection.close();
    },
    async kept() {
      const evidence = await published.read();
      return { ...trusting(key), kept: evidence?.checkpoint === undefined ? [] : [evidence.checkpoint] };
    },
    async audit(trust = trusting(key)) {
      const reader = await openSqliteLogReader(file);
      try {
        return await audit(reader, trust);
      } finally {
        await reader.close();
      }
    },
  };
}

/** `altered desk-1 2`: which fault it is, and which fact it names. */
export const told = ({ fault, stream, revision }: Fault): string =>
  [fault, stream, revision].filter((part) => part !== undefined).join(' ');
