/**
 * Benchmark (h): whether requests that wait slow down those that do not. Two brokers' cores in processes of their own, one with an empty queue
 * and one with a long one, are measured in turns, so that whatever else the machine does meets both.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { median } from './batch.ts';
import { inFolder } from './folder.ts';
import { type Helper, startHelper } from './processes.ts';
import type { QueueJob, QueueReport } from './queue-load.ts';
import type { Row } from './row.ts';

const SERVERS = 10_000;
const QUEUED = 100_000;
const ROUNDS = 10;

export function benchQueue(): Promise<readonly Row[]> {
  return inFolder('queue', async (folder) => {
    const cores = await Promise.all([0, QUEUED].map((queued) => start(join(folder, String(queued)), queued)));
    for (const core of cores) await core.next();
    const reports = cores.map((): QueueReport[] => []);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [index, core] of cores.entries()) {
        core.tell({});
        reports[index]?.push(await core.next());
      }
    }
    for (const core of cores) await core.stop();
    const [empty = [], full = []] = reports;
    const name = `create with ${QUEUED} waiting`;
    return [
      row(`${name}, median`, 'ms', median(empty.map(({ ms }) => ms)), median(full.map(({ ms }) => ms))),
      row(`${name}, processor time`, 'ms', median(empty.map(({ processorMs }) => processorMs)), median(full.map((one) => one.processorMs))),
    ];
  });
}

async function start(folder: string, queued: number): Promise<Helper<QueueReport>> {
  await mkdir(folder);
  return startHelper<QueueReport>('queue-load', { folder, servers: SERVERS, queued } satisfies QueueJob);
}

function row(name: string, unit: string, empty: number, full: number): Row {
  return {
    name,
    value: full,
    unit,
    baseline: `the same with nobody waiting, ${empty.toPrecision(3)} ${unit}`,
    ratio: full / empty,
    aim: '<= 1.10',
  };
}
