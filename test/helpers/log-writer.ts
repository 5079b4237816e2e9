/**
 * A process of its own that appends to a log until it is ended: `log-writer.js FILE`. It says the id of each acknowledged fact, or `fault`,
 * one a line, and tries again after a fault.
 */
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSqliteEventLog } from '../../adapters/sqlite/event-log.ts';
import { NO_STREAM } from '../../domain/facts.ts';
import { streamName } from '../../domain/ids.ts';
import { newFacts } from './new-facts.ts';

const WRITERS = 8;
const log = await openSqliteEventLog(process.argv.slice(2).join());

/** Written at once and not by way of a buffer that dies with the process. */
const say = (lines: readonly string[]) => writeSync(1, `${lines.join('\n')}\n`);

async function write(): Promise<never> {
  const stream = streamName('desk', randomUUID());
  for (let revision = NO_STREAM; ; revision += 3) {
    const facts = newFacts(3);
    while (!(await isAppended(() => log.append(stream, revision, facts)))) {
      say(['fault']);
      await sleep(20);
    }
    say(facts.map((fact) => fact.id));
  }
}

async function isAppended(append: () => Promise<{ readonly outcome: string }>): Promise<boolean> {
  return append().then(
    ({ outcome }) => outcome === 'appended',
    () => false,
  );
}

await Promise.all(Array.from({ length: WRITERS }, write));
