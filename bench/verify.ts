/** How fast a large log is verified, next to reading the same facts and doing nothing with them. */
import { join } from 'node:path';
import { chained } from '../adapters/evidence/chained.ts';
import { EVIDENCE_FILE, publishedIn } from '../adapters/evidence/published.ts';
import { checkpointKey } from '../adapters/evidence/signatures.ts';
import { beginSigning } from '../adapters/evidence/signing.ts';
import { trustFiles } from '../adapters/evidence/trusting.ts';
import { verifyLog } from '../adapters/evidence/verification.ts';
import { openSqliteEventLog } from '../adapters/sqlite/event-log.ts';
import { openSqliteLogReader } from '../adapters/sqlite/log-reader.ts';
import { systemClock, systemRandom } from '../adapters/system.ts';
import { LOG_START } from '../domain/facts.ts';
import type { LogReader } from '../domain/ports/event-log.ts';
import { writeFleet } from './fleet-log.ts';
import { inFolder } from './folder.ts';
import type { Row } from './row.ts';

/** Four facts a session and two a server: a million. */
const FLEET = { servers: 25_000, sessions: 237_500 };
const PAGE = 2_000;
const PATIENCE_MS = 600_000;

export function benchVerify(): Promise<readonly Row[]> {
  return inFolder('verify', async (folder) => {
    const file = join(folder, 'log.sqlite');
    const evidence = join(folder, EVIDENCE_FILE);
    const log = chained(await openSqliteEventLog(file));
    await writeFleet(log, FLEET);
    const ports = {
      log,
      clock: systemClock,
      random: systemRandom,
      key: checkpointKey(Buffer.alloc(32, 1)),
      published: publishedIn(evidence),
    };
    await (await beginSigning(ports, { intervalMs: PATIENCE_MS })).finish(PATIENCE_MS);
    await log.close();
    const reader = await openSqliteLogReader(file);
    const reading = await speed(() => readEverything(reader));
    const trust = await trustFiles([evidence]);
    const verifying = await speed(async () => {
      const { facts, faults, unsealed } = await verifyLog(reader, { trust, report: async () => undefined, progress: () => undefined });
      if (faults > 0 || unsealed > 0) throw new Error(`${faults} faults, ${unsealed} facts not sealed.`);
      return facts;
    });
    await reader.close();
    const baseline = 'reading the same facts from the log';
    return [
      { name: `${verifying.facts} facts verified`, value: verifying.rate, unit: 'facts/s', baseline, ratio: verifying.rate / reading.rate },
    ];
  });
}

async function speed(work: () => Promise<number>): Promise<{ readonly facts: number; readonly rate: number }> {
  const start = performance.now();
  const facts = await work();
  return { facts, rate: (facts * 1000) / (performance.now() - start) };
}

async function readEverything(reader: LogReader): Promise<number> {
  let count = 0;
  for (let after = LOG_START; ; ) {
    const facts = await reader.readAll(after, PAGE);
    const last = facts.at(-1);
    if (last === undefined) return count;
    count += facts.length;
    after = last.position;
  }
}
