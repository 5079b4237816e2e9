/** How busy the processors are, in the manner of Unix load averages. */
import { type CpuInfo, cpus, loadavg } from 'node:os';

export type Load = readonly [number, number, number];

const MINUTES = [1, 5, 15] as const;

/** The system's own, where it has one. */
export function createLoad(platform: NodeJS.Platform): () => Load {
  return platform === 'win32' ? createBusyAverage(cpus) : () => loadavg() as [number, number, number];
}

/**
 * For Windows, which keeps none: how many processors were busy, averaged with the weights of a load average. Unlike that it does not count what
 * waits for a processor, so it ends at their number. The processors' own counters say how much time has passed, so no clock is read; the first
 * value is the mean since the start of the system.
 */
export function createBusyAverage(read: () => readonly Pick<CpuInfo, 'times'>[]): () => Load {
  let before = { busy: 0, all: 0 };
  let averages: [number, number, number] | undefined;
  return () => {
    const processors = read();
    const now = timesOf(processors);
    const passedMs = (now.all - before.all) / Math.max(1, processors.length);
    if (passedMs <= 0) return averages ?? [0, 0, 0];
    const busy = (processors.length * (now.busy - before.busy)) / (now.all - before.all);
    before = now;
    averages ??= [busy, busy, busy];
    const moved = averages.map((average, at) => busy + (average - busy) * Math.exp(-passedMs / (Number(MINUTES[at]) * 60_000)));
    averages = moved as [number, number, number];
    return averages;
  };
}

/** In milliseconds, of all processors together. */
function timesOf(processors: readonly Pick<CpuInfo, 'times'>[]): { readonly busy: number; readonly all: number } {
  let [busy, all] = [0, 0];
  for (const { times } of processors) {
    const working = times.user + times.nice + times.sys + times.irq;
    busy += working;
    all += working + times.idle;
  }
  return { busy, all };
}
