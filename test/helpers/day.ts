/**
 * A process that lives through a day of a fleet: `node day.js '{"seed":7,"hours":24}'`. Its last line says as JSON how it went. It is a process of its
 * own because tap watches every promise of a test, and because nothing else that a test may do can then change the order of things.
 */
import type { SimulatedSettings } from '../../agent/drivers/simulated.ts';
import { streamName } from '../../domain/ids.ts';
import type { ServerView, SessionView } from '../../projections/views.ts';
import { type Day, MINUTE, schedule } from './day-events.ts';
import { createDigest } from './digest.ts';
import { createSimulation, type Simulation } from './simulation.ts';
import { createTurnGround, openTablespace } from './turn-ground.ts';
import { createTurns } from './turns.ts';

export interface DaySettings {
  readonly seed: number;
  readonly servers: number;
  /** Of users and trouble; then two more until all have come to rest. */
  readonly hours: number;
}

/** How a day went. */
export interface Lived {
  /** Everything that is not as it must be. */
  readonly problems: readonly string[];
  readonly answers: number;
  readonly created: number;
  readonly deleted: number;
  readonly facts: number;
  /** The same for the same seed. */
  readonly digest: string;
}

const HOUR = 60 * MINUTE;

const settingsOf = (_: unknown, index: number): SimulatedSettings => {
  const isWindows = index % 5 === 4;
  return {
    hostname: `host-${index}`,
    osFamily: isWindows ? 'windows' : 'linux',
    memoryBytes: 16 * 2 ** 30,
    cpus: 8,
    gpus: 0,
    latencyMs: { min: 500, max: 10_000 },
    failureRate: 0.05,
    capacity: isWindows ? 0 : 3,
    unknownOwners: [],
  };
};

async function live({ seed, servers, hours }: DaySettings): Promise<Lived> {
  const ground = createTurnGround([await openTablespace()], createTurns(seed));
  const simulation = await createSimulation({ seed, servers: Array.from({ length: servers }, settingsOf), ground });
  const day: Day = { simulation, told: { created: new Set(), deleted: new Set(), answers: 0 }, busy: new Set() };
  const problems: string[] = [];
  await simulation.pass(MINUTE);
  schedule(day, simulation.clock.now() + hours * HOUR);
  for (let hour = 1; hour <= hours; hour += 1) {
    await simulation.pass(HOUR);
    problems.push(...(await faultsInHour(simulation)).map((fault) => `In hour ${hour}: ${fault}`));
  }
  await simulation.pass(2 * HOUR);
  problems.push(...(await faultsOfSessions(day)), ...(await faultsOfSlots(simulation, servers)));
  problems.push(...simulation.faults.map((fault) => `The broker logged ${Object(fault).message} ${Object(fault).err?.stack}`));
  const { answers, created, deleted } = day.told;
  const digest = createDigest();
  digest.add(simulation.store.facts);
  const facts = simulation.store.facts.length;
  await simulation.stop();
  return { problems, answers, created: created.size, deleted: deleted.size, facts, digest: digest.text() };
}

/** Queries take turns like everything else, so somebody has to let them. */
async function answered<T>(simulation: Simulation, asked: Promise<T>): Promise<T> {
  await simulation.pass(0);
  return asked;
}

type Page<T> = { readonly items: readonly T[]; readonly next?: number | undefined } | undefined;

async function describeSessions(simulation: Simulation): Promise<ReadonlyMap<string, SessionView>> {
  const views = new Map<string, SessionView>();
  for (let after: number | undefined = 0; after !== undefined; ) {
    const asked: Promise<Page<SessionView>> = Promise.resolve(simulation.core()?.application.describeSessions({ limit: 1000, after }));
    const page = await answered(simulation, asked);
    for (const view of page?.items ?? []) views.set(view.id, view);
    after = page?.next;
  }
  return views;
}

/** Sessions by the hosts that they are alive on, as only the hosts know. */
async function onHosts(servers: Simulation['servers']): Promise<ReadonlyMap<string, readonly string[]>> {
  const where = new Map<string, string[]>();
  for (const { id, alive } of servers) {
    for (const { localId } of await alive()) where.set(localId, [...(where.get(localId) ?? []), id]);
  }
  return where;
}

/** All that was ever recorded of a session. */
const typesOf = ({ store }: Simulation, id: string) => (store.streams.get(streamName('session', id)) ?? []).map(({ type }) => type);

/** What holds at any time. */
async function faultsInHour({ servers }: Simulation): Promise<readonly string[]> {
  // A host that is cut off cannot be told that its session was given to another for its silence.
  const reached = servers.filter(({ wire }) => !wire.cut);
  const twice = [...(await onHosts(reached))].filter(([id, hosts]) => id !== 'console' && hosts.length > 1);
  const faults = twice.map(([id, hosts]) => `${id} runs on ${hosts.join(' and ')}`);
  for (const { id, settings, alive } of servers) {
    const virtual = (await alive()).filter(({ sessionType }) => sessionType === 'VIRTUAL').length;
    if (virtual > settings.capacity) faults.push(`${id} holds ${virtual} virtual sessions`);
  }
  return faults;
}

/** What was acknowledged has become true, or is over with a reason. */
async function faultsOfSessions({ simulation, told }: Day): Promise<readonly string[]> {
  const views = await describeSessions(simulation);
  const hosts = await onHosts(simulation.servers);
  const faults: string[] = [];
  for (const id of told.created) {
    const types = typesOf(simulation, id);
    const state = views.get(id)?.state ?? 'gone';
    const isOver = types.at(-1) === 'session.deleted' || types.at(-1) === 'session.failed';
    if (!isOver && state !== 'READY') faults.push(`${id} is ${state} after ${types.at(-1)}`);
    if ((state === 'READY') !== hosts.has(id)) faults.push(`${id} is ${state} and ${hosts.has(id) ? 'alive' : 'not alive'} on a host`);
  }
  for (const id of told.deleted) {
    if (hosts.has(id) && !typesOf(simulation, id).includes('session.adopted')) faults.push(`${id} was deleted and is alive`);
  }
  return faults;
}

/** Slots are held by live sessions only. */
async function faultsOfSlots(simulation: Simulation, servers: number): Promise<readonly string[]> {
  const asked: Promise<Page<ServerView>> = Promise.resolve(simulation.core()?.application.describeServers({ limit: 1000 }));
  const { items = [] } = (await answered(simulation, asked)) ?? {};
  const faults = items.length === servers ? [] : [`${items.length} servers are described`];
  for (const { id, consoleSessions, virtualSessions } of items) {
    const alive = (await simulation.servers.find((server) => server.id === id)?.alive()) ?? [];
    const slots = consoleSessions + virtualSessions;
    if (slots !== alive.length) faults.push(`${id} counts ${slots} slots for ${alive.length} sessions`);
  }
  return faults;
}

console.log(JSON.stringify(await live(JSON.parse(process.argv[2] ?? '{}') as DaySettings)));
