/** Benchmark (b): DescribeSessions by id in a read model of many sessions, next to a bare Hono route that sends the same bytes. */
import { join } from 'node:path';
import { untilAtRest } from './at-rest.ts';
import type { BareJob, BareReady } from './bare.ts';
import type { FleetSize } from './fleet-log.ts';
import type { LoadJob, LoadReport } from './load.ts';
import { type BrokerProcess, startBroker, startHelper } from './processes.ts';
import type { Row } from './row.ts';

const CONNECTIONS = 64;
/** Requests: not measured, because compilers and caches have yet to see what is asked of them; and measured. */
const PHASES = [5_000, 15_000];
/** In turns with the baseline, so that whatever else the machine does meets both. */
const ROUNDS = 2;
const BARE = 'bare Hono route, same bytes';

/** `folder` is that of a broker that holds these sessions. */
export async function benchDescribe(folder: string, { sessions }: FleetSize): Promise<readonly Row[]> {
  const broker = await startBroker(folder);
  await untilAtRest(folder);
  const job = { kind: 'describe', connections: CONNECTIONS, connection: broker.connection, sessions, phases: PHASES } as const;
  const { sample } = await startHelper<LoadReport>('load', { ...job, phases: [1] } satisfies LoadJob).next();
  const bare = startHelper<BareReady>('bare', { tls: join(folder, 'tls'), body: sample } satisfies BareJob);
  const { port } = await bare.next();
  const [ours, theirs]: [Measured[], Measured[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(await measure(broker, job));
    theirs.push(await measure(bare, { ...job, url: `https://127.0.0.1:${port}` }));
  }
  await bare.stop();
  await broker.stop();
  const name = `DescribeSessions by id, ${sessions} sessions, ${CONNECTIONS} connections`;
  return [
    { ...row(name, 'requests/s', mean(ours, 'perSecond'), mean(theirs, 'perSecond')), aim: '>= 0.5' },
    row(`${name}, p99`, 'ms', mean(ours, 'p99Ms'), mean(theirs, 'p99Ms')),
    row("the server's processor time for each of them", 'µs', mean(ours, 'processorMicroseconds'), mean(theirs, 'processorMicroseconds')),
  ];
}

interface Measured {
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly processorMicroseconds: number;
}

async function measure(server: Pick<BrokerProcess, 'processorSeconds'>, job: LoadJob): Promise<Measured> {
  const load = startHelper<LoadReport>('load', job);
  await load.next();
  const before = await server.processorSeconds();
  const { perSecond, p99Ms } = await load.next();
  const used = (await server.processorSeconds()) - before;
  return { perSecond, p99Ms, processorMicroseconds: (used * 1e6) / (job.phases.at(-1) ?? 1) };
}

const mean = (runs: readonly Measured[], what: keyof Measured): number => runs.reduce((sum, run) => sum + run[what], 0) / runs.length;

const row = (name: string, unit: string, value: number, bare: number): Row => ({ name, value, unit, baseline: BARE, ratio: value / bare });
