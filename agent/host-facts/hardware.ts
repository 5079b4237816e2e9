/** What does not change while the host is up: its operating system, processors and graphics. Asked for once. */
import { readFile } from 'node:fs/promises';
import { arch, cpus, release, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { HostDescription } from '../drivers/driver.ts';
import type { RunProgram } from './program.ts';

export type Hardware = Pick<HostDescription, 'os' | 'cpu' | 'gpus'>;

/** The names of processor types that people use in requirements. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', ia32: 'x86' };
/** What a virtual machine draws its console with, and a server board its BIOS. Nobody would place a session for the sake of these. */
const NO_GPU = /amazon|aspeed|basic (display|render)|bochs|cirrus|hyper-v|matrox|qxl|red hat|remote display|virtio|virtualbox|vmware/i;
/** The slowest part asks the driver of a graphics card. */
const LIMIT_MS = 20_000;
const MAX_GPUS = 64;

const text = z.string().catch('');
const number = z.number().int().min(0).catch(0);

const foundSchema = z.object({
  distro: text,
  release: text,
  kernel: text,
  build: text,
  vendor: text,
  manufacturer: text,
  brand: text,
  cores: number,
  physicalCores: number,
  processors: number,
  gpus: z.array(z.object({ vendor: text, model: text })).catch([]),
});

type Found = z.infer<typeof foundSchema>;

/** Undefined when the process that looks did not come to an end: `basicHardware` has to do for the time being. */
export async function findHardware(run: RunProgram, platform: NodeJS.Platform): Promise<Hardware | undefined> {
  const child = fileURLToPath(new URL('hardware-child.js', import.meta.url));
  const { ok, stdout } = await run(process.execPath, [child], LIMIT_MS);
  if (!ok) return undefined;
  return hardwareFrom(foundSchema.parse(JSON.parse(stdout)), await basicHardware(platform));
}

/** As far as Node and one file know. */
export async function basicHardware(platform: NodeJS.Platform): Promise<Hardware> {
  const all = cpus();
  const family = platform === 'win32' ? 'windows' : platform === 'darwin' ? 'macos' : 'linux';
  const cpuinfo = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const model = String(all[0]?.model ?? '').trim();
  const cpu = {
    vendor: /^vendor_id\s*:\s*(\S+)/m.exec(cpuinfo)?.[1] ?? '',
    modelName: model === 'unknown' ? '' : model,
    architecture: ARCHITECTURES[arch()] ?? arch(),
    numberOfCpus: all.length,
    physicalCoresPerCpu: Math.max(1, all.length),
  };
  return { os: { family, name: type(), version: release(), kernelVersion: release() }, cpu, gpus: [] };
}

/** What was not found out is as the other says. */
export function hardwareFrom(found: Found, { os, cpu }: Hardware): Hardware {
  const { distro, release: version, kernel, build, vendor, manufacturer, brand, cores, physicalCores, processors } = found;
  return {
    os: {
      family: os.family,
      name: distro || os.name,
      version: version || os.version,
      kernelVersion: kernel || os.kernelVersion,
      buildNumber: build || undefined,
    },
    cpu: {
      // The library shortens both.
      vendor: cpu.vendor || vendor || manufacturer,
      modelName: cpu.modelName || `${manufacturer} ${brand}`.trim(),
      architecture: cpu.architecture,
      numberOfCpus: cores || cpu.numberOfCpus,
      physicalCoresPerCpu: Math.max(1, Math.floor((physicalCores || cpu.physicalCoresPerCpu) / Math.max(1, processors))),
    },
    gpus: found.gpus
      .filter((gpu) => !NO_GPU.test(`${gpu.vendor} ${gpu.model}`) && gpu.model !== '')
      .slice(0, MAX_GPUS)
      .map((gpu) => ({ vendor: gpu.vendor, modelName: gpu.model })),
  };
}
