/** By what a machine is told from a copy of its disk. */
import { readFile } from 'node:fs/promises';
import type { HostMarks } from '../identity.ts';
import type { Machine } from './host-facts.ts';

/** Files with one line each; of the last only root may read it, on most systems. */
export interface MarkFiles {
  readonly machineId: readonly string[];
  readonly hardwareId: string;
}

const FILES: MarkFiles = {
  machineId: ['/etc/machine-id', '/var/lib/dbus/machine-id'],
  hardwareId: '/sys/class/dmi/id/product_uuid',
};

export async function readHostMarks({ platform, metadata }: Pick<Machine, 'platform' | 'metadata'>, files = FILES): Promise<HostMarks> {
  const [instance, ids] = await Promise.all([metadata.instance(), platform === 'linux' ? idsInFiles(files) : idsFromSystem()]);
  return { instanceId: instance?.instanceId, ...ids };
}

type Ids = Pick<HostMarks, 'machineId' | 'hardwareId'>;

async function idsInFiles({ machineId, hardwareId }: MarkFiles): Promise<Ids> {
  const found = await Promise.all([...machineId, hardwareId].map(lineIn));
  return { machineId: found.slice(0, -1).find((id) => id !== undefined), hardwareId: found.at(-1) };
}

/** An image that has not been started yet says `uninitialized`. */
async function lineIn(path: string): Promise<string | undefined> {
  const text = (await readFile(path, 'utf8').catch(() => '')).trim();
  return text === '' || text === 'uninitialized' ? undefined : text;
}

/** On Windows the registry's MachineGuid, on macOS the platform's UUID. */
/* c8 ignore start */ // Tests run on Linux.
async function idsFromSystem(): Promise<Ids> {
  const { uuid } = await import('systeminformation');
  const { os, hardware } = await uuid();
  return { machineId: os || undefined, hardwareId: hardware || undefined };
}
/* c8 ignore stop */
