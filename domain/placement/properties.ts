/** What a requirement can ask of a server: its tags, and the 25 properties that the language names. */
import type { ServerId } from '../ids.ts';
import type { Telemetry } from '../ports/agent-link.ts';
import type { ServerDescription } from '../server/events.ts';

/** A server as a requirement sees it. `telemetry` is absent until its agent has reported. */
export interface PlaceableServer {
  readonly id: ServerId;
  readonly description: ServerDescription;
  readonly telemetry?: Telemetry | undefined;
}

/** Reads one thing of a server; undefined where the server does not have it. */
export type Read = (server: PlaceableServer) => string | number | undefined;

export interface Property {
  readonly read: Read;
  /** It changes every few seconds, so an answer may not be kept. */
  readonly volatile: boolean;
  /** It tells one server from all others. */
  readonly isId: boolean;
}

/** The tag of this key. */
export function tag(key: string): Property {
  return stable((server) => {
    for (const each of server.description.tags) if (each.key === key) return each.value;
    return undefined;
  });
}

/** The property of this name (case-sensitive, without `server:`); undefined: there is none. */
export function property(name: string): Property | undefined {
  return PROPERTIES.get(name);
}

const stable = (read: Read): Property => ({ read, volatile: false, isId: false });
const volatile = (read: (telemetry: Telemetry) => number): Property => ({
  read: (server) => (server.telemetry === undefined ? undefined : read(server.telemetry)),
  volatile: true,
  isId: false,
});

const INSTANCE_ID = stable((server) => server.description.aws?.instanceId);
const INSTANCE_TYPE = stable((server) => server.description.aws?.instanceType);
const IMAGE_ID = stable((server) => server.description.aws?.imageId);

/** The wire calls them `EC2…` and the language `Ec2…`, which has cost people hours: both are understood. */
const PROPERTIES: ReadonlyMap<string, Property> = new Map([
  ['Id', { ...stable((server) => server.id), isId: true }],
  ['Hostname', stable((server) => server.description.hostname)],
  ['Version', stable((server) => server.description.version)],
  ['SessionManagerAgentVersion', stable((server) => server.description.agentVersion)],
  ['Host.Os.BuildNumber', stable((server) => server.description.os.buildNumber)],
  ['Host.Os.Family', stable((server) => server.description.os.family)],
  ['Host.Os.KernelVersion', stable((server) => server.description.os.kernelVersion)],
  ['Host.Os.Name', stable((server) => server.description.os.name)],
  ['Host.Os.Version', stable((server) => server.description.os.version)],
  ['Host.Memory.TotalBytes', stable((server) => server.description.memoryTotalBytes)],
  ['Host.Memory.UsedBytes', volatile((telemetry) => telemetry.memoryUsedBytes)],
  ['Host.Swap.TotalBytes', stable((server) => server.description.swapTotalBytes)],
  ['Host.Swap.UsedBytes', volatile((telemetry) => telemetry.swapUsedBytes)],
  ['Host.CpuLoadAverage.OneMinute', volatile((telemetry) => telemetry.cpuLoadAverage[0])],
  ['Host.CpuLoadAverage.FiveMinutes', volatile((telemetry) => telemetry.cpuLoadAverage[1])],
  ['Host.CpuLoadAverage.FifteenMinutes', volatile((telemetry) => telemetry.cpuLoadAverage[2])],
  ['Host.Aws.Ec2InstanceId', INSTANCE_ID],
  ['Host.Aws.EC2InstanceId', INSTANCE_ID],
  ['Host.Aws.Ec2InstanceType', INSTANCE_TYPE],
  ['Host.Aws.EC2InstanceType', INSTANCE_TYPE],
  ['Host.Aws.Region', stable((server) => server.description.aws?.region)],
  ['Host.Aws.Ec2ImageId', IMAGE_ID],
  ['Host.Aws.EC2ImageId', IMAGE_ID],
  ['Host.CpuInfo.Architecture', stable((server) => server.description.cpu.architecture)],
  ['Host.CpuInfo.ModelName', stable((server) => server.description.cpu.modelName)],
  ['Host.CpuInfo.NumberOfCpus', stable((server) => server.description.cpu.numberOfCpus)],
  ['Host.CpuInfo.PhysicalCoresPerCpu', stable((server) => server.description.cpu.physicalCoresPerCpu)],
  ['Host.CpuInfo.Vendor', stable((server) => server.description.cpu.vendor)],
]);
