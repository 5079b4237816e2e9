/** A simulated DCV server: it takes time, it fails now and then, and its sessions outlive the agent. For trying Berth out and for tests. */
import type { Telemetry } from '../../domain/ports/agent-link.ts';
import type { Clock, Random } from '../../domain/ports/clock.ts';
import type { Driver, DriverSession, Outcome, SessionWish } from './driver.ts';
import { drawPicture } from './picture.ts';
import { describeSimulatedHost, type SimulatedHostSettings } from './simulated-host.ts';
import { openSessions, type SessionShelf, type SimulatedSession, type SimulatedSessions } from './simulated-sessions.ts';

export interface SimulatedSettings extends SimulatedHostSettings {
  /** Of making a session, in milliseconds; closing takes a quarter of it. */
  readonly latencyMs: { readonly min: number; readonly max: number };
  /** Of creations, 0 to 1. */
  readonly failureRate: number;
  /** Virtual sessions that fit; -1 is no limit. */
  readonly capacity: number;
  /** Users that the host does not know. */
  readonly unknownOwners: readonly string[];
}

/** What a test or a demonstration may do to the host behind the agent's back. */
export interface Hands {
  addByHand(session: Pick<DriverSession, 'localId' | 'owner'> & Partial<DriverSession>): Promise<void>;
  removeByHand(localId: string): Promise<void>;
  setConnections(localId: string, connections: number): Promise<void>;
  logIn(users: readonly string[]): void;
  /** A reason breaks the server until it is called without one. */
  breakDown(reason?: string): void;
  permissionsOf(localId: string): string | undefined;
}

export interface SimulatedDriver extends Driver, Hands {}

export interface SimulatedDeps {
  readonly shelf: SessionShelf;
  readonly clock: Clock;
  readonly random: Random;
}

interface State {
  users: readonly string[];
  broken: string | undefined;
  changed: () => void;
}

const nothing = (): void => undefined;

export async function createSimulatedDriver(settings: SimulatedSettings, deps: SimulatedDeps): Promise<SimulatedDriver> {
  const { shelf, clock, random } = deps;
  const state: State = { users: [], broken: undefined, changed: nothing };
  const sessions = await openSessions(shelf, () => state.changed());

  /** Real servers answer late, and not at all when they are down. */
  async function working(part: number): Promise<void> {
    const { min, max } = settings.latencyMs;
    const wait = part * (min + (max - min) * random.fraction());
    if (wait > 0) await new Promise<void>((resolve) => clock.after(wait, resolve));
    if (state.broken !== undefined) throw new Error(state.broken);
  }

  return {
    describe: async () => describeSimulatedHost(settings),
    telemetry: async () => simulatedLoad(settings, sessions.all().length, random),
    loggedInUsers: async () => state.users,
    async list() {
      await working(0);
      return sessions.all().map(({ permissionsFile: _, ...session }) => session);
    },
    async create(wish) {
      await working(1);
      const failed = obstacle(wish, sessions.all(), settings) ?? accident(settings, random);
      if (failed !== undefined) return { failed };
      await sessions.put(sessionFrom(wish, clock.now()));
      return { done: true };
    },
    async close(localId) {
      await working(0.25);
      await sessions.remove(localId);
      return { done: true };
    },
    async setPermissions(localId, permissionsFile): Promise<Outcome> {
      await working(0);
      const session = sessions.find(localId);
      if (session === undefined) return { failed: notThere(localId) };
      await sessions.put({ ...session, permissionsFile });
      return { done: true };
    },
    async screenshot(localId, wish) {
      await working(0);
      const session = sessions.find(localId);
      if (session === undefined) return { failed: notThere(localId) };
      const data = drawPicture({ ...wish, title: session.name || localId, subtitle: `${session.owner} on ${settings.hostname}` });
      return { images: [{ format: wish.format, data: Buffer.from(data).toString('base64'), time: clock.now(), primary: true }] };
    },
    watch(action) {
      state.changed = action ?? nothing;
    },
    ...createHands(settings, sessions, state, clock),
  };
}

function createHands({ osFamily }: SimulatedSettings, sessions: SimulatedSessions, state: State, clock: Clock): Hands {
  return {
    addByHand(session) {
      const sessionType = osFamily === 'linux' ? 'VIRTUAL' : 'CONSOLE';
      return sessions.put({ name: '', sessionType, creationTime: clock.now(), connections: 0, ...session });
    },
    removeByHand: (localId) => sessions.remove(localId),
    async setConnections(localId, connections) {
      const session = sessions.find(localId);
      if (session === undefined) return;
      const left = connections < session.connections ? { lastDisconnectionTime: clock.now() } : {};
      await sessions.put({ ...session, connections, ...left });
    },
    logIn(users) {
      state.users = users;
      state.changed();
    },
    breakDown(reason) {
      state.broken = reason;
      state.changed();
    },
    permissionsOf: (localId) => sessions.find(localId)?.permissionsFile,
  };
}

/** Why the host cannot hold the session, in the words of a DCV server. */
function obstacle({ localId, spec }: SessionWish, sessions: readonly DriverSession[], settings: SimulatedSettings): string | undefined {
  const { osFamily, capacity, unknownOwners } = settings;
  const count = sessions.filter(({ sessionType }) => sessionType === spec.sessionType).length;
  if (unknownOwners.includes(spec.owner)) return `Could not create session '${localId}': Specified user is not a local user`;
  if (sessions.some((session) => session.localId === localId)) return `Could not create session '${localId}': it already exists`;
  if (spec.sessionType === 'CONSOLE') return count > 0 ? 'Could not create session: there is a console session already' : undefined;
  if (osFamily !== 'linux') return 'Could not create session: virtual sessions are not supported on this system';
  return capacity >= 0 && count >= capacity ? 'Could not create session: no more virtual sessions fit on this host' : undefined;
}

function accident({ failureRate }: SimulatedSettings, random: Random): string | undefined {
  return random.fraction() < failureRate ? 'Could not create session: the X server did not start (simulated)' : undefined;
}

function sessionFrom({ localId, spec }: SessionWish, now: number): SimulatedSession {
  const { name, owner, sessionType, storageRoot, permissionsFile } = spec;
  return { localId, name, owner, sessionType, storageRoot, permissionsFile, creationTime: now, connections: 0 };
}

function notThere(localId: string): string {
  return `There is no session '${localId}'`;
}

/** Every session costs something, and some of it is chance. */
function simulatedLoad({ memoryBytes, cpus }: SimulatedSettings, count: number, random: Random): Telemetry {
  const used = Math.min(0.95, 0.1 + 0.05 * count + 0.02 * random.fraction());
  const load = Math.min(cpus, 0.05 + 0.3 * count + 0.2 * random.fraction());
  const rounded = (value: number): number => Math.round(value * 100) / 100;
  return {
    memoryUsedBytes: Math.floor(memoryBytes * used),
    swapUsedBytes: 0,
    cpuLoadAverage: [rounded(load), rounded(load * 0.9), rounded(load * 0.8)],
  };
}
