/**
 * A core with a queue of a given length. Each time it is told to, it makes sessions one after another, and deletes them as it goes, so that
 * slots become free for which somebody might have waited.
 */
import { median } from './batch.ts';
import { type BenchCore, ORIGIN, startBenchCore } from './core.ts';
import { job, say } from './processes.ts';

export interface QueueJob {
  readonly folder: string;
  readonly servers: number;
  readonly queued: number;
}

/** Of one create: the median time, and the mean of the processor time with all that follows from it. */
export interface QueueReport {
  readonly ms: number;
  readonly processorMs: number;
}

const BATCH = 1_000;
const CREATES = 50;
/** Different requirements, and a different owner for each request: as many kinds as requests. */
const REQUIREMENTS = 100;

process.once('disconnect', () => process.exit());
const { folder, servers, queued } = job<QueueJob>();
const core = await startBenchCore(folder, servers);
for (let first = 0; first < queued; first += BATCH) await enqueue(core, first);
await measure(core);
say({ ms: 0, processorMs: 0 } satisfies QueueReport);
process.on('message', async () => say(await measure(core)));

async function enqueue({ application, idle }: BenchCore, first: number): Promise<void> {
  const items = Array.from({ length: BATCH }, (_, index) => wish(first + index, `tag:team = 'moon-${index % REQUIREMENTS}'`, true));
  const results = await application.createSessions(items, ORIGIN);
  if (!results.every((result) => 'done' in result)) throw new Error('A request was not queued.');
  await idle();
}

async function measure({ application, idle }: BenchCore): Promise<QueueReport> {
  const times: number[] = [];
  const used = process.cpuUsage();
  for (let create = 0; create < CREATES; create += 1) {
    const item = wish(create, "tag:team = 'art'", false);
    const start = performance.now();
    const [result] = await application.createSessions([item], ORIGIN);
    times.push(performance.now() - start);
    if (result === undefined || 'rejected' in result) throw new Error('A session was refused.');
    await application.deleteSessions([{ sessionId: result.done.id, owner: item.owner, force: true }], ORIGIN);
  }
  await idle();
  const { user, system } = process.cpuUsage(used);
  return { ms: median(times), processorMs: (user + system) / 1000 / CREATES };
}

function wish(number: number, requirements: string, enqueue: boolean) {
  return { name: 'desk', owner: `user${number}`, sessionType: 'VIRTUAL', requirements, enqueue, retry: true } as const;
}
