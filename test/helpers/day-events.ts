/**
 * A day in the life of a fleet: 100 servers and a broker through 24 simulated hours of users, failures, reboots, cut wires and dying brokers. Afterwards
 * nothing that was acknowledged is lost, nothing runs twice, and no slot is left behind. `BERTH_SEED=n` makes it another day.
 */
import t, { type Test } from 'tap';
import type { SimulatedSettings } from '../agent/drivers/simulated.ts';
import { streamName } from '../domain/ids.ts';
import type { SessionView } from '../projections/views.ts';
import { ORIGIN, wish } from './helpers/samples.ts';
import type { SimulatedServer } from './helpers/simulated-server.ts';
import { createSimulation, type Simulation } from './helpers/simulation.ts';

const SERVERS = 100;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const OWNERS = ['ann', 'bob', 'cleo', 'dan', 'eve'];

const seed = Number(process.env['BERTH_SEED'] ?? 1);

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

/** What the clients of the day were told. */
interface Told {
  /** Acknowledged by CreateSessions. */
  readonly created: Set<string>;
  /** Acknowledged by DeleteSessions. */
  readonly deleted: Set<string>;
  answers: number;
}

interface Day {
  readonly simulation: Simulation;
  readonly told: Told;
}

const pick = <T>({ random }: Simulation, from: readonly T[]): T => from[Math.floor(random.fraction() * from.length)] as T;

async function create({ simulation, told }: Day): Promise<void> {
  const { random } = simulation;
  const items = Array.from({ length: 1 + Math.floor(random.fraction() * 4) }, () =>
    wish({
      owner: pick(simulation, OWNERS),
      sessionType: random.fraction() < 0.2 ? 'CONSOLE' : 'VIRTUAL',
      enqueue: random.fraction() < 0.5,
      retry: random.fraction() < 0.8,
      requirements: random.fraction() < 0.3 ? `tag:rack = '${Math.floor(random.fraction() * 7)}'` : undefined,
    }),
  );
  for (const result of (await simulation.core()?.application.createSessions(items, ORIGIN)) ?? []) {
    told.answers += 1;
    if ('done' in result) told.created.add(result.done.id);
  }
}

async function remove({ simulation, told }: Day): Promise<void> {
  const { items = [] } = (await simulation.core()?.application.describeSessions({ limit: 1000 })) ?? {};
  const alive = items.filter(({ state }) => state !== 'DELETED');
  const chosen = alive.filter(() => simulation.random.fraction() < 0.08);
  const wishes = chosen.map(({ id, owner }) => ({ sessionId: id, owner, force: simulation.random.fraction() < 0.05 }));
  const results = (await simulation.core()?.application.deleteSessions(wishes, ORIGIN)) ?? [];
  results.forEach((result, index) => {
    told.answers += 1;
    if ('done' in result) told.deleted.add(chosen[index]?.id ?? '');
  });
}

async function use({ simulation }: Day): Promise<void> {
  const driver = pick(simulation, simulation.servers).driver();
  const [session] = await driver.list();
  if (session !== undefined) await driver.setConnections(session.localId, Math.floor(simulation.random.fraction() * 3));
}

/** Somebody goes to a host and makes a session there, or closes one. */
async function meddle({ simulation }: Day): Promise<void> {
  const driver = pick(simulation, simulation.servers).driver();
  const [session] = await driver.list();
  if (session !== undefined) await driver.removeByHand(session.localId);
  else await driver.addByHand({ localId: 'console', owner: 'root', sessionType: 'CONSOLE' });
}

const administrate = async ({ simulation }: Day): Promise<void> => {
  const items = [{ serverId: pick(simulation, simulation.servers).id, force: true }];
  await simulation.core()?.application.closeServers(items, ORIGIN);
  simulation.clock.after(
    10 * MINUTE,
    () =>
      void simulation
        .core()
        ?.application.openServers(items, ORIGIN)
        .catch(() => undefined),
  );
};

/** Milliseconds between two of each, on average. */
const EVENTS: readonly (readonly [number, (day: Day) => unknown])[] = [
  [MINUTE, create],
  [2 * MINUTE, remove],
  [MINUTE, use],
  [20 * MINUTE, meddle],
  [30 * MINUTE, administrate],
  [10 * MINUTE, ({ simulation }) => once(pick(simulation, simulation.servers), (server) => server.restartAgent())],
  [30 * MINUTE, ({ simulation }) => once(pick(simulation, simulation.servers), (server) => server.reboot())],
  [10 * MINUTE, ({ simulation }) => cut(simulation, pick(simulation, simulation.servers))],
  [20 * MINUTE, ({ simulation }) => breakDown(simulation, pick(simulation, simulation.servers))],
  [90 * MINUTE, ({ simulation }) => simulation.restartBroker(1 + simulation.random.fraction() * 2 * MINUTE)],
];

const busy = new Set<SimulatedServer>();

/** One restart of a server at a time. */
async function once(server: SimulatedServer, act: (server: SimulatedServer) => Promise<void>): Promise<void> {
  if (busy.has(server)) return;
  busy.add(server);
  await act(server);
  busy.delete(server);
}

function cut({ clock, random }: Simulation, server: SimulatedServer): void {
  server.wire.cut = true;
  clock.after(random.fraction() * 10 * MINUTE, () => {
    server.wire.cut = false;
  });
}

function breakDown({ clock, random }: Simulation, server: SimulatedServer): void {
  const driver = server.driver();
  driver.breakDown('dcvserver is not running');
  clock.after(random.fraction() * 5 * MINUTE, () => driver.breakDown());
}

/** Lets each kind of event happen at random times until `until`. */
function schedule(day: Day, until: number): void {
  const { clock, random } = day.simulation;
  for (const [meanMs, happen] of EVENTS) {
    const next = (): void => {
      if (clock.now() >= until) return;
      if (day.simulation.core() !== undefined) void Promise.resolve(happen(day)).catch(() => undefined);
      clock.after(-Math.log(1 - random.fraction()) * meanMs, next);
    };
    clock.after(random.fraction() * meanMs, next);
  }
}

async function describeAll(simulation: Simulation): Promise<ReadonlyMap<string, SessionView>> {
  const views = new Map<string, SessionView>();
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: { items: readonly SessionView[]; next?: number | undefined } | undefined = await simulation
      .core()
      ?.application.describeSessions({ limit: 1000, after });
    for (const view of page?.items ?? []) views.set(view.id, view);
    after = page?.next;
  }
  return views;
}

/** Sessions by the hosts that they are alive on, as only the hosts know. */
async function onHosts({ servers }: Pick<Simulation, 'servers'>): Promise<ReadonlyMap<string, readonly string[]>> {
  const where = new Map<string, string[]>();
  for (const { id, alive } of servers) {
    for (const { localId } of await alive()) where.set(localId, [...(where.get(localId) ?? []), id]);
  }
  return where;
}

/** All that was ever recorded of a session. */
const typesOf = ({ store }: Simulation, id: string) => (store.streams.get(streamName('session', id)) ?? []).map(({ type }) => type);

async function checkHour(t: Test, simulation: Simulation, hour: number): Promise<void> {
  // A host that is cut off cannot be told that its session was given to another for its silence.
  const reached = simulation.servers.filter(({ wire }) => !wire.cut);
  const twice = [...(await onHosts({ servers: reached }))].filter(([id, hosts]) => id !== 'console' && hosts.length > 1);
  t.same(twice, [], `in hour ${hour} no session runs on two hosts`);
  for (const { id, settings, alive } of simulation.servers) {
    const virtual = (await alive()).filter(({ sessionType }) => sessionType === 'VIRTUAL').length;
    if (virtual > settings.capacity) t.fail(`${id} holds ${virtual} virtual sessions`);
  }
}

/** What was acknowledged has become true, or is over with a reason. */
async function checkSessions(t: Test, { simulation, told }: Day): Promise<void> {
  const views = await describeAll(simulation);
  const hosts = await onHosts(simulation);
  for (const id of told.created) {
    const types = typesOf(simulation, id);
    const isReady = views.get(id)?.state === 'READY';
    const isOver = types.at(-1) === 'session.deleted' || types.at(-1) === 'session.failed';
    if (!isOver && !isReady) t.fail(`${id} is ${views.get(id)?.state ?? 'gone'} after ${types.at(-1)}`);
    if (isReady !== hosts.has(id)) t.fail(`${id} is ${views.get(id)?.state} and ${hosts.has(id) ? 'alive' : 'not alive'} on a host`);
  }
  for (const id of told.deleted) {
    if (hosts.has(id) && !typesOf(simulation, id).includes('session.adopted')) t.fail(`${id} was deleted and is alive`);
  }
  t.pass('every acknowledged session is READY on one host, or over');
}

async function checkSlots(t: Test, simulation: Simulation): Promise<void> {
  const { items = [] } = (await simulation.core()?.application.describeServers({ limit: 1000 })) ?? {};
  t.equal(items.length, SERVERS);
  for (const { id, consoleSessions, virtualSessions } of items) {
    const alive = (await simulation.servers.find((server) => server.id === id)?.alive()) ?? [];
    if (consoleSessions + virtualSessions !== alive.length) {
      t.fail(`${id} counts ${consoleSessions + virtualSessions} slots for ${alive.length} sessions`);
    }
  }
  t.pass('slots are held by live sessions only');
}

/** A minute of work, and a slow machine takes several. */
t.setTimeout(600_000);

t.test(`24 hours of 100 servers lose nothing (seed ${seed})`, async (t) => {
  const simulation = await createSimulation({ seed, servers: Array.from({ length: SERVERS }, settingsOf) });
  t.teardown(() => simulation.stop());
  const day: Day = { simulation, told: { created: new Set(), deleted: new Set(), answers: 0 } };
  await simulation.pass(MINUTE);
  schedule(day, simulation.clock.now() + 24 * HOUR);
  for (let hour = 1; hour <= 24; hour += 1) {
    await simulation.pass(HOUR);
    await checkHour(t, simulation, hour);
  }
  await simulation.pass(2 * HOUR);
  const { answers, created, deleted } = day.told;
  t.comment(`${answers} answers, ${created.size} sessions created, ${deleted.size} deleted, ${simulation.store.facts.length} facts`);
  t.ok(created.size > 1000, 'it was a busy day');
  await checkSessions(t, day);
  await checkSlots(t, simulation);
  t.same(simulation.faults, [], 'the broker logged no error');
});
