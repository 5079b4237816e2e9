/** Benchmark (m): a scrape of the figures of a broker with many sessions, and what scrapes cost those who ask for sessions meanwhile. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { ConnectionFile } from '../adapters/connection-file.ts';
import { untilAtRest } from './at-rest.ts';
import type { FleetSize } from './fleet-log.ts';
import type { LoadJob, LoadReport } from './load.ts';
import { type BrokerProcess, startBroker, startHelper } from './processes.ts';
import type { Row } from './row.ts';

const SCRAPES = 40;
const CONNECTIONS = 16;
/** Requests: not measured, and measured. */
const PHASES = [5_000, 15_000];
/** In turns, so that whatever else the machine does meets both. */
const ROUNDS = 2;
/** Fifteen times as often as Prometheus does. */
const INTERVAL_MS = 1000;
const MOST_MS = 20;

/** `folder` is that of a broker that holds these sessions. */
export async function benchScrape(folder: string, { sessions }: FleetSize): Promise<readonly Row[]> {
  const broker = await startBroker(folder);
  await untilAtRest(folder);
  const scraper = await createScraper(broker.connection);
  await scraper.scrape();
  const before = await broker.processorSeconds();
  const times: number[] = [];
  for (let count = 0; count < SCRAPES; count += 1) times.push(await scraper.scrape());
  const processorMs = ((await broker.processorSeconds()) - before) * 1000;
  times.sort((a, b) => a - b);
  const [alone, scraped]: [LoadReport[], LoadReport[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    alone.push(await describe(broker, sessions));
    const stop = scraper.begin();
    scraped.push(await describe(broker, sessions));
    await stop();
  }
  await scraper.close();
  await broker.stop();
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  const name = `a scrape, ${sessions} sessions`;
  const asked = 'DescribeSessions by id with a scrape a second';
  return [
    { name, value: at(0.5), unit: 'ms', baseline: `${MOST_MS} ms`, ratio: at(0.5) / MOST_MS, aim: '<= 1' },
    {
      name: `${name}, processor time`,
      value: processorMs / SCRAPES,
      unit: 'ms',
      baseline: `${MOST_MS} ms`,
      ratio: processorMs / SCRAPES / MOST_MS,
    },
    compared(`${asked}, p99`, 'p99Ms', scraped, alone),
    compared(asked, 'perSecond', scraped, alone),
  ];
}

async function createScraper({ url, caFile }: ConnectionFile) {
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile) } });
  async function scrape(): Promise<number> {
    const began = performance.now();
    const { statusCode, body } = await request(`${url}/metrics`, { dispatcher });
    await body.text();
    if (statusCode !== 200) throw new Error(`The figures were answered with ${statusCode}.`);
    return performance.now() - began;
  }
  return {
    scrape,
    /** Gives what ends it. */
    begin() {
      const ending = new AbortController();
      const over = (async () => {
        while (!ending.signal.aborted) {
          await scrape();
          await sleep(INTERVAL_MS, undefined, { signal: ending.signal }).catch(() => undefined);
        }
      })();
      return async () => {
        ending.abort();
        await over;
      };
    },
    close: () => dispatcher.close(),
  };
}

async function describe({ connection }: BrokerProcess, sessions: number): Promise<LoadReport> {
  const job = { kind: 'describe', connections: CONNECTIONS, connection, sessions, phases: PHASES } satisfies LoadJob;
  const load = startHelper<LoadReport>('load', job);
  await load.next();
  return load.next();
}

const WITHOUT = 'the same without scrapes';

function compared(name: string, what: 'p99Ms' | 'perSecond', ours: readonly LoadReport[], theirs: readonly LoadReport[]): Row {
  const mean = (runs: readonly LoadReport[]): number => runs.reduce((sum, run) => sum + run[what], 0) / runs.length;
  const unit = what === 'p99Ms' ? 'ms' : 'requests/s';
  return { name, value: mean(ours), unit, baseline: WITHOUT, ratio: mean(ours) / mean(theirs) };
}
