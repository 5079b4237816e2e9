/**
 * An EventStoreDB for a test: the real one at `EVENTSTORE_URL` if that is set, under a prefix of the test's own, so that tests can share it; else
 * the stand-in, in this process.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { NewFact, Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import { type Appended, type EventLog, LogFault } from '../../domain/ports/event-log.ts';
import { type StandIn, startStandIn } from '../eventstore-stand-in/stand-in.ts';
import { runModule } from './berth-process.ts';
import { pause } from './until.ts';

export interface TestEventStore {
  readonly url: string;
  /** For the names of streams, such as `t5f3a.`; new each time. */
  readonly prefix: string;
  /** What it is; also said in the output of the test. */
  readonly which: string;
  /** Undefined where the real server is used. */
  readonly standIn: StandIn | undefined;
}

export const freshPrefix = (): string => `t${randomBytes(6).toString('hex')}.`;

/** `apart`: the stand-in is a process of its own, which a test with much load of its own does not hold up. */
export async function startEventStore(t: Test, { apart = false } = {}): Promise<TestEventStore> {
  const url = process.env['EVENTSTORE_URL'];
  if (url) {
    const which = `the real server at ${url}`;
    t.comment(`EventStoreDB: ${which}`);
    return { url, prefix: freshPrefix(), which, standIn: undefined };
  }
  if (apart) return { url: await startApart(t), prefix: freshPrefix(), which: 'stand-in', standIn: undefined };
  const standIn = await startStandIn();
  t.teardown(() => standIn.stop());
  t.comment('EventStoreDB: the stand-in (EVENTSTORE_URL runs this on a real server)');
  return { url: standIn.url, prefix: freshPrefix(), which: 'stand-in', standIn };
}

export const STAND_IN = fileURLToPath(new URL('../eventstore-stand-in/stand-in.js', import.meta.url));
export const STAND_IN_READY = /ready at (\S+)/;

async function startApart(t: Test): Promise<string> {
  const standIn = runModule(t, STAND_IN, ['0'], { bare: true });
  await standIn.says(STAND_IN_READY);
  t.comment('EventStoreDB: the stand-in as a process of its own (EVENTSTORE_URL runs this on a real server)');
  return STAND_IN_READY.exec(standIn.stdout())?.[1] ?? '';
}

/** Tries, with the same facts at the same revision, until the outcome is known. */
export async function appendAtLast(
  log: EventLog,
  stream: StreamName,
  revision: Revision,
  facts: readonly NewFact[],
): Promise<{ readonly appended: Appended; readonly faults: number }> {
  for (let faults = 0; ; faults += 1) {
    try {
      return { appended: await log.append(stream, revision, facts), faults };
    } catch (error) {
      if (!(error instanceof LogFault)) throw error;
      await pause(50);
    }
  }
}
