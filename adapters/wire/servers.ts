/** The wire models around DCV servers and the hosts they run on. */
import type { z } from 'zod';
import { flag, float, integer, keyValuePair, list, model, one, text, texts } from './shapes.ts';

const endpoint = model('Endpoint', 'An address at which DCV clients reach the server.', {
  IpAddress: text('The address.'),
  Port: integer('The port.'),
  WebUrlPath: text('The path of the web client; none for QUIC.'),
  Protocol: text('HTTP or QUIC.', { example: 'HTTP' }),
});

const os = model('Os', 'The operating system of the host.', {
  Family: text('linux, windows or macos.', { example: 'linux' }),
  Name: text('Its name.'),
  Version: text('Its version.'),
  KernelVersion: text('The version of the kernel, on Linux.'),
  BuildNumber: text('The build number, on Windows.'),
});

const memory = model('Memory', 'The memory of the host.', {
  TotalBytes: integer('Bytes there are.', 'int64'),
  UsedBytes: integer('Bytes in use.', 'int64'),
});

const swap = model('Swap', 'The swap space of the host.', {
  TotalBytes: integer('Bytes there are.', 'int64'),
  UsedBytes: integer('Bytes in use.', 'int64'),
});

const cpuInfo = model('CpuInfo', 'The processors of the host.', {
  Vendor: text('Who made them.'),
  ModelName: text('Their model.'),
  Architecture: text('Their architecture.', { example: 'x86_64' }),
  NumberOfCpus: integer('How many there are.'),
  PhysicalCoresPerCpu: integer('How many cores each has.'),
});

const cpuLoadAverage = model('CpuLoadAverage', 'How busy the processors of the host are.', {
  OneMinute: float('Load over the last minute.'),
  FiveMinutes: float('Load over the last five minutes.'),
  FifteenMinutes: float('Load over the last fifteen minutes.'),
});

const gpu = model('Gpu', 'A graphics processor of the host.', {
  Vendor: text('Who made it.'),
  ModelName: text('Its model.'),
});

const loggedInUser = model('LoggedInUser', 'Someone logged in on the host outside DCV.', {
  Username: text('The name of the user.'),
});

const aws = model('Aws', 'The host as an instance of Amazon EC2.', {
  Region: text('The region.'),
  EC2InstanceType: text('The type of the instance.'),
  EC2InstanceId: text('The id of the instance.'),
  EC2ImageId: text('The id of the image it was started from.'),
});

const host = model('Host', 'The machine a DCV server runs on.', {
  Os: one(os),
  Memory: one(memory),
  Swap: one(swap),
  Aws: one(aws),
  CpuInfo: one(cpuInfo),
  CpuLoadAverage: one(cpuLoadAverage),
  Gpus: list(gpu, 'Its graphics processors.'),
  LoggedInUsers: list(loggedInUser, 'Who is logged in on it outside DCV.'),
});

export const server = model('Server', 'A DCV server of the fleet.', {
  Id: text('Its id: opaque.'),
  Ip: text('Its address.'),
  Hostname: text('The name of its host.'),
  DefaultDnsName: text('The DNS name under which clients reach it.'),
  Port: text('The port it listens on, as text. See Endpoints for all of them.', { example: '8443' }),
  Endpoints: list(endpoint, 'The addresses at which clients reach it.'),
  WebUrlPath: text('The path of the web client.'),
  Version: text('The version of the DCV server.'),
  SessionManagerAgentVersion: text('The version of the agent beside it.'),
  Availability: text('AVAILABLE or UNAVAILABLE: whether it can take sessions.', { example: 'AVAILABLE' }),
  UnavailabilityReason: text(
    'Why it is UNAVAILABLE: SERVER_FULL, SERVER_CLOSED, UNREACHABLE_AGENT, UNHEALTHY_DCV_SERVER or EXISTING_LOGGED_IN_USER.',
  ),
  ConsoleSessionCount: integer('Console sessions on it.', 'int32'),
  VirtualSessionCount: integer('Virtual sessions on it.', 'int32'),
  Host: one(host),
  Tags: list(keyValuePair, 'Its tags.'),
});
export type Server = z.infer<typeof server>;
export type Host = z.infer<typeof host>;

export const describeServersRequestData = model('DescribeServersRequestData', 'Which servers to describe.', {
  ServerIds: texts('Only these; without it, all.'),
  MaxResults: integer('Servers a page may hold: 1 to 1000, which is also the default.'),
  NextToken: text('Where to go on: the NextToken of the page before.'),
});

export const describeServersResponse = model('DescribeServersResponse', 'A page of servers.', {
  RequestId: text('The id of this request.'),
  Servers: list(server, 'The servers.'),
  NextToken: text('Where the next page begins; absent on the last one.'),
});

export const openServerRequestData = model('OpenServerRequestData', 'A server to open for new sessions.', {
  ServerId: text('The id of the server.'),
});

const openServerSuccessfulResponse = model('OpenServerSuccessfulResponse', 'A server that is open now.', {
  ServerId: text('The id of the server.'),
});

const openServerUnsuccessfulResponse = model('OpenServerUnsuccessfulResponse', 'A server that could not be opened.', {
  OpenServerRequestData: one(openServerRequestData),
  FailureCode: text('Why, for programs.', { example: 'DCV_SERVER_NOT_FOUND' }),
  FailureReason: text('Why, for people.'),
});

export const openServersResponse = model('OpenServersResponse', 'What became of each server.', {
  RequestId: text('The id of this request.'),
  SuccessfulList: list(openServerSuccessfulResponse, 'The servers that are open now.'),
  UnsuccessfulList: list(openServerUnsuccessfulResponse, 'The servers that could not be opened.'),
});

export const closeServerRequestData = model('CloseServerRequestData', 'A server to close for new sessions.', {
  ServerId: text('The id of the server.'),
  Force: flag('Close it even though sessions run on it; they live on. Default: false.'),
});

const closeServerSuccessfulResponse = model('CloseServerSuccessfulResponse', 'A server that is closed now.', {
  ServerId: text('The id of the server.'),
});

const closeServerUnsuccessfulResponse = model('CloseServerUnsuccessfulResponse', 'A server that could not be closed.', {
  CloseServerRequestData: one(closeServerRequestData),
  FailureCode: text('Why, for programs.', { example: 'DCV_SERVER_NOT_FOUND' }),
  FailureReason: text('Why, for people.'),
});

export const closeServersResponse = model('CloseServersResponse', 'What became of each server.', {
  RequestId: text('The id of this request.'),
  SuccessfulList: list(closeServerSuccessfulResponse, 'The servers that are closed now.'),
  UnsuccessfulList: list(closeServerUnsuccessfulResponse, 'The servers that could not be closed.'),
});
