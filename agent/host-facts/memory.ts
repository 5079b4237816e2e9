/** Memory and swap, in bytes. */
import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';

export interface Memory {
  readonly total: number;
  readonly used: number;
  readonly swapTotal: number;
  readonly swapUsed: number;
}

/** From `/proc/meminfo` where there is one, and from a library that asks the system's own programs where there is none. */
export async function readMemory(platform: NodeJS.Platform, meminfo = '/proc/meminfo'): Promise<Memory> {
  if (platform === 'linux') return memoryFrom(await readFile(meminfo, 'utf8'));
  const { mem } = await import('systeminformation');
  const { available, swaptotal, swapused } = await mem();
  const total = totalmem();
  return { total, used: total - (available || freemem()), swapTotal: swaptotal || 0, swapUsed: swapused || 0 };
}

/** What programs could still get does not count as used: the system fills the rest with what it has read. */
function memoryFrom(meminfo: string): Memory {
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  const [total, swapTotal] = [bytes('MemTotal'), bytes('SwapTotal')];
  return { total, used: total - bytes('MemAvailable'), swapTotal, swapUsed: swapTotal - bytes('SwapFree') };
}
