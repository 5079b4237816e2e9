/** Benchmark (g): how long a thousand sessions asked for at once take until they are acknowledged, each placed in a large fleet. */
import { ORIGIN, startBenchCore } from './core.ts';
import { inFolder } from './folder.ts';
import type { Row } from './row.ts';

const SERVERS = 10_000;
const SESSIONS = 1_000;
const BATCHES = 10;
const MOST_MS = 1_000;
const REQUIREMENTS = "tag:team = 'art' AND server:Host.Os.Family = 'linux' AND server:Host.Memory.TotalBytes >= 16E9";

export function benchBatch(): Promise<readonly Row[]> {
  return inFolder('batch', async (folder) => {
    const { application, idle, close } = await startBenchCore(folder, SERVERS);
    const times: number[] = [];
    const seconds: number[] = [];
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const items = Array.from({ length: SESSIONS }, (_, number) => wish(`user${number}`));
      const used = process.cpuUsage();
      const start = performance.now();
      const results = await application.createSessions(items, ORIGIN);
      times.push(performance.now() - start);
      const { user, system } = process.cpuUsage(used);
      seconds.push((user + system) / 1000);
      if (!results.every((result) => 'done' in result)) throw new Error('A session was refused.');
      await idle();
    }
    await close();
    const name = `batch of ${SESSIONS} creates, ${SERVERS} servers`;
    return [
      row(`${name}, the first`, times[0]),
      row(`${name}, median`, median(times)),
      row(`${name}, median of processor time`, median(seconds)),
    ];
  });
}

function row(name: string, value = Number.NaN): Row {
  return { name, value, unit: 'ms', baseline: `at most ${MOST_MS} ms`, ratio: value / MOST_MS, aim: '<= 1' };
}

const wish = (owner: string) =>
  ({ name: 'desk', owner, sessionType: 'VIRTUAL', requirements: REQUIREMENTS, enqueue: false, retry: true }) as const;

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
