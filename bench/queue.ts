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
const ROUNDS = 40;

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
    return [row(`${name}, median`, 'ms', empty, full), row(`${name}, processor time`, 'processorMs', empty, full)];
  });
}

async function start(folder: string, queued: number): Promise<Helper<QueueReport>> {
  await mkdir(folder);
  return startHelper<QueueReport>('queue-load', { folder, servers: SERVERS, queued } satisfies QueueJob);
}

/** The ratio is the median of those of all rounds, each between two measurements that follow each other. */
function row(name: string, figure: keyof QueueReport, empty: readonly QueueReport[], full: readonly QueueReport[]): Row {
  const [of, than] = [full, empty].map((reports) => reports.map((report) => report[figure])) as [number[], number[]];
  return {
    name,
    value: median(of),
    unit: 'ms',
    baseline: `the same with nobody waiting, ${median(than).toPrecision(3)} ms`,
    ratio: median(of.map((value, round) => value / Number(than[round]))),
    aim: '<= 1.10',
  };
}
