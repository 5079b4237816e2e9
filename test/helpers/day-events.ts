/** What happens in the day of a fleet: users, failures, reboots, cut wires and dying brokers, each at random times. */
import { ORIGIN, wish } from './samples.ts';
import type { SimulatedServer } from './simulated-server.ts';
import type { Simulation } from './simulation.ts';

const SECOND = 1000;
export const MINUTE = 60 * SECOND;
const OWNERS = ['ann', 'bob', 'cleo', 'dan', 'eve'];

/** What the clients of the day were told. */
export interface Told {
  /** Acknowledged by CreateSessions. */
  readonly created: Set<string>;
  /** Acknowledged by DeleteSessions. */
  readonly deleted: Set<string>;
  answers: number;
}

export interface Day {
  readonly simulation: Simulation;
  readonly told: Told;
  /** Servers that are being restarted. */
  readonly busy: Set<SimulatedServer>;
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
  [10 * MINUTE, (day) => restart(day, (server) => server.restartAgent())],
  [30 * MINUTE, (day) => restart(day, (server) => server.reboot())],
  [10 * MINUTE, ({ simulation }) => cut(simulation, pick(simulation, simulation.servers))],
  [20 * MINUTE, ({ simulation }) => breakDown(simulation, pick(simulation, simulation.servers))],
  [90 * MINUTE, ({ simulation }) => simulation.restartBroker(1 + simulation.random.fraction() * 2 * MINUTE, 0)],
];

/** One restart of a server at a time. */
async function restart({ simulation, busy }: Day, act: (server: SimulatedServer) => Promise<void>): Promise<void> {
  const server = pick(simulation, simulation.servers);
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

/** Lets each kind of event happen at random times until `until`, in milliseconds since 1970. */
export function schedule(day: Day, until: number): void {
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
