/** Benchmark (k): three brokers on one log in EventStoreDB: how long after a change at one it is read at another, and what they answer next to one alone. */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEventStoreLog } from '../adapters/eventstoredb/event-log.ts';
import { type ApiClient, createApiClient } from '../test/helpers/api-client.ts';
import { writeFleet } from './fleet-log.ts';
import type { LoadReport } from './load.ts';
import { type BrokerProcess, startBroker, startHelper } from './processes.ts';
import type { Row } from './row.ts';

const FLEET = { servers: 100, sessions: 2_000 };
const CHANGES = 500;
const CONNECTIONS = 63;
/** Requests of all brokers together: not measured, and measured. */
const PHASES = [3_000, 6_000];
/** Servers without agents are called missing after 10 s. */
const REST_MS = 15_000;

/** `url`: of an EventStoreDB; what is written there stays, under a prefix of its own. */
export async function benchCluster(folder: string, url: string): Promise<readonly Row[]> {
  const streamPrefix = `bench${randomBytes(6).toString('hex')}.`;
  const log = await openEventStoreLog(url, { streamPrefix });
  await writeFleet(log, FLEET);
  await log.close();
  const brokers: BrokerProcess[] = [];
  for (const name of ['a', 'b', 'c']) {
    const dataDir = join(folder, name);
    await mkdir(join(dataDir, 'secrets'), { recursive: true, mode: 0o700 });
    if (name !== 'a') await copyFile(join(folder, 'a', 'secrets', 'cluster.key'), join(dataDir, 'secrets', 'cluster.key'));
    brokers.push(await startBroker(dataDir, ['--event-log', url, '--stream-prefix', streamPrefix]));
  }
  await sleep(REST_MS);
  const rows = [...(await lag(brokers)), ...(await throughput(brokers))];
  for (const broker of brokers) await broker.stop();
  return rows;
}

async function lag(brokers: readonly BrokerProcess[]): Promise<readonly Row[]> {
  const [writer, reader] = (await Promise.all(brokers.map(({ connection }) => createApiClient(connection)))) as [ApiClient, ApiClient];
  const [behind, atRest]: [number[], number[]] = [[], []];
  for (let change = 0; change < CHANGES; change += 1) {
    const wish = { Name: 'bench', Owner: 'bench', Type: 'VIRTUAL', EnqueueRequest: true, Requirements: "tag:none = '1'" };
    const id = String((await writer.createSessions([wish])).SuccessfulList?.[0]?.Id);
    reader.see(writer.position());
    for (const times of [behind, atRest]) {
      const asked = performance.now();
      const found = await reader.describeSessions({ SessionIds: [id] });
      if (found.length !== 1) throw new Error('A broker did not see what was acknowledged by another.');
      times.push(performance.now() - asked);
    }
    await writer.deleteSessions([{ SessionId: id, Owner: 'bench' }]);
  }
  await Promise.all([writer.close(), reader.close()]);
  const baseline = 'asked again';
  return [0.5, 0.99].map((share) => {
    const [value, rest] = [quantile(behind, share), quantile(atRest, share)];
    const name = `from a change at one broker to its description at another, p${share * 100}`;
    return { name, value, unit: 'ms', baseline, ratio: value / rest, ...(share === 0.99 && { aim: 'p99 <= 100 ms' }) };
  });
}

async function throughput(brokers: readonly BrokerProcess[]): Promise<readonly Row[]> {
  const [alone, together] = [await measure(brokers.slice(0, 1)), await measure(brokers)];
  const row = (name: string, unit: string, what: keyof Measured): Row => ({
    name,
    value: together[what],
    unit,
    baseline: 'one of them',
    ratio: together[what] / alone[what],
  });
  return [
    row(`DescribeSessions by id through ${brokers.length} brokers`, 'requests/s', 'perSecond'),
    row("the brokers' processor time for each of them", 'µs', 'processorMicroseconds'),
  ];
}

interface Measured {
  readonly perSecond: number;
  readonly processorMicroseconds: number;
}

async function measure(brokers: readonly BrokerProcess[]): Promise<Measured> {
  const phases = PHASES.map((requests) => requests / brokers.length);
  const loads = brokers.map(({ connection }) => {
    const job = { kind: 'describe', connections: CONNECTIONS / brokers.length, connection, sessions: FLEET.sessions, phases };
    return startHelper<LoadReport>('load', job);
  });
  await Promise.all(loads.map((load) => load.next()));
  const used = async () => (await Promise.all(brokers.map((each) => each.processorSeconds()))).reduce((sum, seconds) => sum + seconds, 0);
  const before = await used();
  const reports = await Promise.all(loads.map((load) => load.next()));
  const processorMicroseconds = (((await used()) - before) * 1e6) / (PHASES.at(-1) ?? 1);
  return { perSecond: reports.reduce((sum, { perSecond }) => sum + perSecond, 0), processorMicroseconds };
}

function quantile(values: readonly number[], share: number): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length * share)] ?? Number.NaN;
}
