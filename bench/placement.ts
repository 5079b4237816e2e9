/** What choosing a server costs, and what a server costs in memory, in a fleet of 10,000 servers with 100,000 sessions. */
import { randomUUID } from 'node:crypto';
import type { RecordedFact } from '../domain/facts.ts';
import { factId, requestId, serverId, sessionId, streamName } from '../domain/ids.ts';
import { candidates } from '../domain/placement/candidates.ts';
import { createFleet, type Fleet } from '../domain/placement/fleet.ts';
import { compileRequirement } from '../domain/placement/requirements.ts';
import type { ServerDescription, ServerEvent } from '../domain/server/events.ts';
import type { Row } from './row.ts';

const SERVERS = 10_000;
const SESSIONS_EACH = 10;
const DECISIONS = 2_000;
const STABLE = "tag:team = 'art' AND server:Host.Os.Family = 'linux' AND server:Host.Memory.TotalBytes >= 16E9";
const VOLATILE = "tag:team = 'art' AND server:Host.Os.Family = 'linux' AND server:Host.CpuLoadAverage.OneMinute < 100";

export function benchPlacement(): readonly Row[] {
  const before = heap();
  const fleet = createFleet();
  for (let number = 0; number < SERVERS; number += 1) enrol(fleet, number);
  const servers = heap() - before;
  for (let number = 0; number < SERVERS; number += 1) occupy(fleet, number);
  const sessions = heap() - before - servers;
  const decisions = [STABLE, VOLATILE].flatMap((text, index) => {
    const { elapsed, processor } = decide(fleet, text);
    const name = `placement decision, ${SERVERS} servers, 3 terms${index === 0 ? '' : ', one on telemetry'}`;
    return [
      row(`${name}, median`, at(elapsed, 0.5), 'ms', 1),
      row(`${name}, p99`, at(elapsed, 0.99), 'ms', 1),
      row(`${name}, p99 of processor time`, at(processor, 0.99), 'ms', 1),
    ];
  });
  return [
    ...decisions,
    row('fleet index, a server', servers / SERVERS, 'bytes', 4_096),
    row('fleet index, a session', sessions / SERVERS / SESSIONS_EACH, 'bytes', 256),
  ];
}

/** Here the baseline is the most that it may be. */
function row(name: string, value: number, unit: string, most: number): Row {
  return { name, value, unit, baseline: `at most ${most} ${unit}`, ratio: value / most, aim: '<= 1' };
}

interface Times {
  readonly elapsed: readonly number[];
  /** Of all threads of the process, the garbage collector's too; what others do on the machine does not change it much. */
  readonly processor: readonly number[];
}

/** Each decision takes a slot and another one becomes free, so that the order changes all the time. Milliseconds, sorted. */
function decide(fleet: Fleet, text: string): Times {
  const compiled = compileRequirement(text);
  if ('error' in compiled) throw new Error(compiled.error.message);
  const { requirement } = compiled;
  const random = { uuid: randomUUID, fraction: Math.random };
  const elapsed: number[] = [];
  const processor: number[] = [];
  for (let decision = 0; decision < DECISIONS; decision += 1) {
    const owner = `user${decision}`;
    const used = process.cpuUsage();
    const start = performance.now();
    const { ordered } = candidates(fleet, { sessionType: 'VIRTUAL', owner, requirement }, random);
    elapsed.push(performance.now() - start);
    const { user, system } = process.cpuUsage(used);
    processor.push((user + system) / 1000);
    const best = ordered[0];
    if (best === undefined) throw new Error('No server was found.');
    fleet.noteReservation(best, sessionId(randomUUID()), { sessionType: 'VIRTUAL', owner });
    fleet.telemetry(best, telemetry());
  }
  return { elapsed: sorted(elapsed), processor: sorted(processor) };
}

/** Without the first tenth, for which the code is being compiled. */
function sorted(times: readonly number[]): readonly number[] {
  return times.slice(DECISIONS / 10).sort((a, b) => a - b);
}

function enrol(fleet: Fleet, number: number): void {
  fleet.apply(fact(number, 0, { type: 'server.registered', data: { agentClientId: 'agent', broker: null } }));
  fleet.apply(fact(number, 1, { type: 'server.described', data: description(number) }));
  fleet.telemetry(idOf(number), telemetry());
}

function occupy(fleet: Fleet, number: number): void {
  for (let slot = 0; slot < SESSIONS_EACH; slot += 1) {
    const data = {
      sessionId: sessionId(randomUUID()),
      sessionType: 'VIRTUAL',
      owner: `user${(number * 7 + slot) % 5_000}`,
      attempt: 1,
    } as const;
    fleet.apply(fact(number, 2 + slot, { type: 'server.slot-reserved', data }));
  }
}

const idOf = (number: number) => serverId(`server-${number}`);

/** By way of JSON, as it comes from the log: texts are not shared between facts. */
function fact(number: number, revision: number, event: ServerEvent): RecordedFact<ServerEvent> {
  return {
    ...(JSON.parse(JSON.stringify(event)) as ServerEvent),
    id: factId(`${number}-${revision}`),
    schemaVersion: 1,
    time: 0,
    cause: { kind: 'agent', id: 'agent' },
    requestId: requestId('request'),
    stream: streamName('server', idOf(number)),
    revision,
    position: number,
  };
}

function telemetry() {
  const load = Math.random() * 16;
  return { memoryUsedBytes: Math.floor(Math.random() * 64e9), swapUsedBytes: 0, cpuLoadAverage: [load, load, load] as const };
}

export function description(number: number): ServerDescription {
  const address = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  const hostname = `ip-${address.replaceAll('.', '-')}`;
  return {
    ip: address,
    hostname,
    defaultDnsName: `${hostname}.eu-west-1.compute.internal`,
    port: 8443,
    webUrlPath: '/',
    endpoints: [
      { ipAddress: address, port: 8443, protocol: 'HTTP', webUrlPath: '/' },
      { ipAddress: address, port: 8443, protocol: 'QUIC' },
    ],
    version: '2024.0.19030',
    agentVersion: '2024.0.1',
    os: { family: number % 5 === 0 ? 'windows' : 'linux', name: 'Amazon Linux', version: '2023', kernelVersion: '6.1.0' },
    memoryTotalBytes: 64e9,
    swapTotalBytes: 0,
    cpu: { vendor: 'GenuineIntel', modelName: 'Intel Xeon', architecture: 'x86_64', numberOfCpus: 16, physicalCoresPerCpu: 8 },
    gpus: [{ vendor: 'NVIDIA', modelName: 'L4' }],
    aws: { region: 'eu-west-1', instanceType: 'g6.4xlarge', instanceId: `i-${number.toString(16).padStart(17, '0')}`, imageId: 'ami-1' },
    tags: [
      { key: 'dcv:max-concurrent-sessions-per-user', value: '2' },
      { key: 'dcv:max-virtual-sessions', value: '30' },
      { key: 'dcv:os-family', value: 'linux' },
      { key: 'name', value: `host-${number}` },
      { key: 'team', value: number % 3 === 0 ? 'art' : 'science' },
    ],
    maxVirtualSessions: number % 5 === 0 ? 0 : 30,
    maxSessionsPerOwner: 2,
  };
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}

/** Bytes; exact when the process runs with --expose-gc. */
function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
