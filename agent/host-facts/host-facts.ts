/** The machine that the agent runs on, apart from its DCV server. What costs processes or questions is asked once and kept. */
import { hostname, networkInterfaces } from 'node:os';
import type { Logger } from '../../adapters/logging.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import type { HostFacts } from '../host-facts.ts';
import { addressAmong, defaultInterface, type Interfaces } from './address.ts';
import { createDnsNames, type NameOfAddress, nameOfAddress } from './dns-name.ts';
import { basicHardware, findHardware, type Hardware } from './hardware.ts';
import { createInstanceMetadata, type Instance, type InstanceMetadata, METADATA_URL } from './instance-metadata.ts';
import { createLoad } from './load.ts';
import { readMemory } from './memory.ts';
import { type RunProgram, runProgram } from './program.ts';
import { usersOutsideDcv } from './users.ts';

export interface HostSettings {
  /** The address of this interface is told, where it has one. */
  readonly preferredNetworkInterface?: string | undefined;
  /** On Windows; elsewhere they are always looked at. */
  readonly queryLoggedInUsers: boolean;
}

export interface HostDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a test puts in the place of the machine. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly run: RunProgram;
  readonly metadata: InstanceMetadata;
  readonly nameOfAddress: NameOfAddress;
  interfaces(): Interfaces;
  hostname(): string;
}

/** Until hardware that could not be found out is looked for again. */
const RETRY_MS = 600_000;

export const thisMachine = (clock: Clock): Machine => ({
  platform: process.platform,
  run: runProgram,
  metadata: createInstanceMetadata(METADATA_URL, clock),
  nameOfAddress,
  interfaces: networkInterfaces,
  hostname,
});

export function createHostFacts(settings: HostSettings, { clock, log }: HostDeps, machine: Machine): HostFacts {
  const { platform, run, metadata } = machine;
  const hardware = createHardware(machine, { clock, log });
  const names = createDnsNames(machine.nameOfAddress, clock);
  const load = createLoad(platform);
  let isMissed = false;

  async function address(): Promise<string> {
    const { preferredNetworkInterface: preferred } = settings;
    const interfaces = machine.interfaces();
    const isThere = preferred === undefined || Object.keys(interfaces).some((name) => name.toLowerCase() === preferred.toLowerCase());
    if (!isThere && !isMissed)
      log.warn({ preferred, there: Object.keys(interfaces) }, 'there is no network interface of the preferred name');
    isMissed = !isThere;
    return addressAmong(interfaces, [preferred, await defaultInterface()]);
  }

  return {
    async describe() {
      const [found, instance, ip, memory] = await Promise.all([hardware(), metadata.instance(), address(), readMemory(platform)]);
      const name = machine.hostname();
      return {
        ip,
        hostname: name,
        defaultDnsName: instance?.localHostname ?? (await names.of(name, ip)),
        ...found,
        memoryTotalBytes: memory.total,
        swapTotalBytes: memory.swapTotal,
        aws: instance && awsOf(instance),
      };
    },
    async telemetry() {
      const { used, swapUsed } = await readMemory(platform);
      return { memoryUsedBytes: used, swapUsedBytes: swapUsed, cpuLoadAverage: load() };
    },
    async loggedInUsers() {
      return platform === 'win32' && !settings.queryLoggedInUsers ? [] : usersOutsideDcv(run, platform);
    },
  };
}

function awsOf({ region, instanceType, instanceId, imageId }: Instance) {
  return { region, instanceType, instanceId, imageId };
}

/** Looked for once, and again later if that did not come to an end. */
function createHardware({ run, platform }: Machine, { clock, log }: HostDeps): () => Promise<Hardware> {
  let looking: Promise<Hardware> | undefined;

  async function look(): Promise<Hardware> {
    const found = await findHardware(run, platform);
    if (found !== undefined) return found;
    log.warn({}, 'what kind of machine this is could not be found out in full');
    clock.after(RETRY_MS, () => {
      looking = undefined;
    });
    return basicHardware(platform);
  }

  return () => {
    looking ??= look();
    return looking;
  };
}
