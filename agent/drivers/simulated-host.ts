/** The facts of a simulated host: what its DCV server would say of the machine. */
import { createHash } from 'node:crypto';
import type { HostDescription } from './driver.ts';

export interface SimulatedHostSettings {
  readonly hostname: string;
  readonly osFamily: 'linux' | 'windows' | 'macos';
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly gpus: number;
  /** Absent: an address is derived from the host name. */
  readonly ip?: string | undefined;
  readonly awsInstanceId?: string | undefined;
}

const SYSTEMS: Readonly<Record<SimulatedHostSettings['osFamily'], HostDescription['os']>> = {
  linux: { family: 'linux', name: 'Amazon Linux', version: '2023', kernelVersion: '6.1.109-118.189.amzn2023.x86_64' },
  windows: { family: 'windows', name: 'Microsoft Windows Server 2022 Datacenter', version: '10.0.20348', buildNumber: '20348' },
  macos: { family: 'macos', name: 'macOS', version: '15.1', kernelVersion: '24.1.0', buildNumber: '24B83' },
};

const DCV_VERSION = '2025.0.20177';
const DCV_PORT = 8443;

export function describeSimulatedHost(settings: SimulatedHostSettings): HostDescription {
  const { hostname, osFamily, memoryBytes, cpus, gpus } = settings;
  const ip = settings.ip ?? addressFor(hostname);
  return {
    ip,
    hostname,
    defaultDnsName: hostname.includes('.') ? hostname : `${hostname}.simulated.internal`,
    port: DCV_PORT,
    webUrlPath: '/',
    endpoints: [
      { ipAddress: ip, port: DCV_PORT, protocol: 'HTTP', webUrlPath: '/' },
      { ipAddress: ip, port: DCV_PORT, protocol: 'QUIC' },
    ],
    version: DCV_VERSION,
    os: SYSTEMS[osFamily],
    memoryTotalBytes: memoryBytes,
    swapTotalBytes: 0,
    cpu: {
      vendor: 'GenuineIntel',
      modelName: 'Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz',
      architecture: 'x86_64',
      numberOfCpus: cpus,
      physicalCoresPerCpu: Math.max(1, Math.floor(cpus / 2)),
    },
    gpus: Array.from({ length: gpus }, () => ({ vendor: 'NVIDIA', modelName: 'Tesla T4' })),
    aws: settings.awsInstanceId === undefined ? undefined : awsOf(settings.awsInstanceId),
  };
}

function awsOf(instanceId: string): HostDescription['aws'] {
  return { region: 'us-east-1', instanceType: 't3.large', instanceId, imageId: 'ami-00000000000000000' };
}

/** Always the same for a name, and inside 10.0.0.0/8, which is nobody's. */
function addressFor(hostname: string): string {
  const [a, b, c] = createHash('sha256').update(hostname).digest();
  return `10.${a}.${b}.${Math.max(1, Number(c))}`;
}
