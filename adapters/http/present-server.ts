/** Servers as the wire shows them. What is not known is absent; lists are always there. */
import type { ServerView } from '../../projections/views.ts';
import type { Host, Server } from '../wire/servers.ts';

/** Everything there is to say, as describeServers gives it. */
export function presentServer(view: ServerView): Server {
  return {
    ...presentAddress(view),
    Version: view.description.version,
    SessionManagerAgentVersion: view.description.agentVersion,
    Availability: view.unavailabilityReason === undefined ? 'AVAILABLE' : 'UNAVAILABLE',
    UnavailabilityReason: view.unavailabilityReason,
    ConsoleSessionCount: view.consoleSessions,
    VirtualSessionCount: view.virtualSessions,
    Host: presentHost(view),
  };
}

/** Who and where it is, without its host: what a session carries of its server. */
export function presentAddress({ id, description }: ServerView): Server {
  return {
    Id: id,
    Ip: description.ip,
    Hostname: description.hostname,
    DefaultDnsName: description.defaultDnsName,
    Port: String(description.port),
    Endpoints: description.endpoints.map((endpoint) => ({
      IpAddress: endpoint.ipAddress,
      Port: endpoint.port,
      WebUrlPath: endpoint.webUrlPath,
      Protocol: endpoint.protocol,
    })),
    WebUrlPath: description.webUrlPath,
    Tags: description.tags.map(({ key, value }) => ({ Key: key, Value: value })),
  };
}

function presentHost({ description, telemetry, loggedInUsers }: ServerView): Host {
  const { os, cpu, aws } = description;
  return {
    Os: { Family: os.family, Name: os.name, Version: os.version, KernelVersion: os.kernelVersion, BuildNumber: os.buildNumber },
    Memory: { TotalBytes: description.memoryTotalBytes, UsedBytes: telemetry?.memoryUsedBytes },
    Swap: { TotalBytes: description.swapTotalBytes, UsedBytes: telemetry?.swapUsedBytes },
    Aws: aws && { Region: aws.region, EC2InstanceType: aws.instanceType, EC2InstanceId: aws.instanceId, EC2ImageId: aws.imageId },
    CpuInfo: {
      Vendor: cpu.vendor,
      ModelName: cpu.modelName,
      Architecture: cpu.architecture,
      NumberOfCpus: cpu.numberOfCpus,
      PhysicalCoresPerCpu: cpu.physicalCoresPerCpu,
    },
    CpuLoadAverage: telemetry && {
      OneMinute: telemetry.cpuLoadAverage[0],
      FiveMinutes: telemetry.cpuLoadAverage[1],
      FifteenMinutes: telemetry.cpuLoadAverage[2],
    },
    Gpus: description.gpus.map(({ vendor, modelName }) => ({ Vendor: vendor, ModelName: modelName })),
    LoggedInUsers: loggedInUsers.map((name) => ({ Username: name })),
  };
}
