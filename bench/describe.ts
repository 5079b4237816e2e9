/** Benchmark (b): DescribeSessions by id in a read model of many sessions, next to a bare Hono route that sends the same bytes. */
import { join } from 'node:path';
import type { BareJob, BareReady } from './bare.ts';
import type { FleetSize } from './fleet-log.ts';
import type { LoadJob, LoadReport } from './load.ts';
import { type BrokerProcess, type Helper, startHelper } from './processes.ts';
import type { Row } from './row.ts';

const CONNECTIONS = 64;
const LOAD = { kind: 'describe', connections: CONNECTIONS, warmUpMs: 1500, measuredMs: 3000 } as const;

/** With a broker that holds these sessions. */
export async function benchDescribe(broker: BrokerProcess, folder: string, { sessions }: FleetSize): Promise<readonly Row[]> {
  const { connection } = broker;
  const described = await measure(broker, { ...LOAD, connection, sessions });
  const bare = startHelper<BareReady>('bare', { tls: join(folder, 'tls'), body: described.sample } satisfies BareJob);
  const { port } = await bare.next();
  const least = await measure(bare, { ...LOAD, connection, sessions, url: `https://127.0.0.1:${port}` });
  await bare.stop();
  const name = `DescribeSessions by id, ${sessions} sessions, ${CONNECTIONS} connections`;
  return [
    {
      name,
      value: described.perSecond,
      unit: 'requests/s',
      baseline: 'bare Hono route, same bytes',
      ratio: described.perSecond / least.perSecond,
      aim: '>= 0.5',
    },
    {
      name: `${name}, p99`,
      value: described.p99Ms,
      unit: 'ms',
      baseline: 'bare Hono route, same bytes',
      ratio: described.p99Ms / least.p99Ms,
    },
  ];
}

async function measure(server: Pick<Helper<unknown>, 'processorSeconds'>, job: LoadJob): Promise<LoadReport> {
  const before = await server.processorSeconds();
  const report = await startHelper<LoadReport>('load', job).next();
  const used = (await server.processorSeconds()) - before;
  process.stderr.write(
    `(b) ${job.url ?? 'broker'} ${report.requests} requests, ${report.perSecond.toFixed(0)}/s, ${used.toFixed(2)} s of processor time\n`,
  );
  return report;
}
