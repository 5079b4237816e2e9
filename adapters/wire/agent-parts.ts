/** The building blocks of what agent and broker say to each other: bounded texts and numbers, and the descriptions of sessions and hosts. */
import { z } from 'zod';
import { serverId, sessionId } from '../../domain/ids.ts';
import type { Telemetry } from '../../domain/ports/agent-link.ts';
import type { ServerDescription } from '../../domain/server/events.ts';
import type { SessionSpec } from '../../domain/session/events.ts';

/** Long enough for every name, path and version that was ever seen, short enough for a log line. */
export const shortText = z.string().max(1024);
/** A sentence for people, from a program that may print a page. */
export const sentence = z.string().max(4096);
/** The last millisecond of the year 9999: behind it, times are written in another form, and in the end not at all. */
const MAX_TIME = 253_402_300_799_999;
/** Milliseconds since 1970. */
export const time = z.int().min(0).max(MAX_TIME);
export const count = z.int().min(0).max(1_000_000_000);
export const attempt = z.int().min(0).max(1_000_000);
const bytes = z.int().min(0);
const portNumber = z.int().min(0).max(65_535);

export const sessionIdText = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,100}$/)
  .transform(sessionId);
export const serverIdText = z
  .string()
  .regex(/^[A-Za-z0-9+/=_-]{1,512}$/)
  .transform(serverId);
/** One line, because it is also the id of a server-sent event. */
export const orderIdText = z.string().regex(/^[A-Za-z0-9._:-]{1,300}$/);
/** Up to 1 MiB once decoded. */
export const base64File = z.base64().max(1_400_000);

export const sessionSpec: z.ZodType<SessionSpec> = z.strictObject({
  name: z.string().max(256),
  owner: z.string().max(256),
  sessionType: z.enum(['CONSOLE', 'VIRTUAL']),
  dcvGlEnabled: z.boolean().optional(),
  maxConcurrentClients: z.int().min(0).optional(),
  initFilePath: z.string().max(4096).optional(),
  initFile: z.string().max(4096).optional(),
  autorunFile: z.string().max(4096).optional(),
  autorunFileArguments: z.array(sentence).max(1000).optional(),
  permissionsFile: base64File.optional(),
  storageRoot: z.string().max(4096).optional(),
});

const endpoint = z.strictObject({
  ipAddress: shortText.optional(),
  port: portNumber,
  protocol: z.enum(['HTTP', 'QUIC']),
  webUrlPath: shortText.optional(),
});

const operatingSystem = z.strictObject({
  family: z.enum(['linux', 'windows', 'macos']),
  name: shortText,
  version: shortText,
  kernelVersion: shortText.optional(),
  buildNumber: shortText.optional(),
});

const cpu = z.strictObject({
  vendor: shortText,
  modelName: shortText,
  architecture: shortText,
  numberOfCpus: count,
  physicalCoresPerCpu: count,
});

const aws = z.strictObject({ region: shortText, instanceType: shortText, instanceId: shortText, imageId: shortText });

export const serverDescription: z.ZodType<ServerDescription> = z.strictObject({
  ip: shortText,
  hostname: shortText,
  defaultDnsName: shortText.optional(),
  port: portNumber,
  webUrlPath: shortText,
  endpoints: z.array(endpoint).max(100),
  version: shortText,
  agentVersion: shortText,
  os: operatingSystem,
  memoryTotalBytes: bytes,
  swapTotalBytes: bytes,
  cpu,
  gpus: z.array(z.strictObject({ vendor: shortText, modelName: shortText })).max(64),
  aws: aws.optional(),
  tags: z.array(z.strictObject({ key: shortText.min(1), value: shortText })).max(500),
  maxVirtualSessions: z.int().min(-1).max(1_000_000),
  maxSessionsPerOwner: z.int().min(-1).max(1_000_000),
});

const load = z.number().min(0);

export const telemetry: z.ZodType<Telemetry> = z.strictObject({
  memoryUsedBytes: bytes,
  swapUsedBytes: bytes,
  cpuLoadAverage: z.tuple([load, load, load]),
});
