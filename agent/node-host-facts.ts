/** The host as Node itself can describe it. What it cannot find out it leaves empty or 0. */
import { readFile } from 'node:fs/promises';
import * as os from 'node:os';
import type { HostFacts } from './host-facts.ts';

const FAMILIES: Readonly<Record<string, string>> = { win32: 'windows', darwin: 'macos' };
const KIBIBYTE = 1024;

/** `preferred`: the network interface whose address is told; absent or not there: the first that leads out of the machine. */
export function createNodeHostFacts(preferred?: string | undefined): HostFacts {
  return {
    async describe() {
      const hostname = os.hostname();
      const cpus = os.cpus();
      return {
        ip: addressOf(preferred),
        hostname,
        defaultDnsName: hostname.includes('.') ? hostname : undefined,
        os: { family: FAMILIES[os.platform()] ?? 'linux', name: os.type(), version: os.release(), kernelVersion: os.release() },
        memoryTotalBytes: os.totalmem(),
        swapTotalBytes: (await swap()).total,
        cpu: { vendor: '', modelName: cpus[0]?.model ?? '', architecture: os.machine(), numberOfCpus: cpus.length, physicalCoresPerCpu: 0 },
        gpus: [],
      };
    },
    async telemetry() {
      const [one = 0, five = 0, fifteen = 0] = os.loadavg();
      return {
        memoryUsedBytes: Math.max(0, os.totalmem() - os.freemem()),
        swapUsedBytes: (await swap()).used,
        cpuLoadAverage: [one, five, fifteen],
      };
    },
    loggedInUsers: async () => [],
  };
}

function addressOf(preferred: string | undefined): string {
  const interfaces = os.networkInterfaces();
  const chosen = interfaces[preferred ?? ''] ?? Object.values(interfaces).flat();
  const outside = chosen.filter((entry) => entry !== undefined && !entry.internal);
  return (outside.find((entry) => entry?.family === 'IPv4') ?? outside[0])?.address ?? '127.0.0.1';
}

/** Only Linux tells it in a file. */
async function swap(): Promise<{ readonly total: number; readonly used: number }> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const bytes = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * KIBIBYTE;
  const total = bytes('SwapTotal');
  return { total, used: Math.max(0, total - bytes('SwapFree')) };
}
