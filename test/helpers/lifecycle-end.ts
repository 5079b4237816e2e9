/** The end of one run of the lifecycle test: everything is mended, time passes, and then nothing may be left of the trouble. */

import { deepStrictEqual } from 'node:assert/strict';
import { type AnyStateMachine, createActor } from 'xstate';
import { openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { createReader, createTransactor } from '../../adapters/sqlite/dialect.ts';
import { brokerMachine } from '../../domain/broker/machine.ts';
import type { RecordedFact } from '../../domain/facts.ts';
import { serverId } from '../../domain/ids.ts';
import { serverMachine } from '../../domain/server/machine.ts';
import { sessionMachine } from '../../domain/session/machine.ts';
import { PROJECTIONS } from '../../projections/all.ts';
import type { Tables } from '../../projections/database.ts';
import { createProjector } from '../../projections/projector.ts';
import type { ServerView, SessionView } from '../../projections/views.ts';
import { SILENT } from './core.ts';
import type { SessionAccount } from './lifecycle-ledger.ts';
import { verify, type World } from './lifecycle-model.ts';
import type { ServerSettings, SimulatedServer } from './simulated-server.ts';
import type { Tablespace } from './turn-ground.ts';

const MINUTE = 60_000;

/** Rejects with everything that is not as it must be. `patienceMs`: longer than any deadline. */
export async function verifyEnd(world: World, tablespace: Tablespace, patienceMs: number): Promise<void> {
  const { simulation, problems } = world;
  mend(world);
  await simulation.pass(patienceMs);
  await verify(world);
  await verifySessions(world);
  for (const server of simulation.servers) await verifyServer(world, server);
  await verifyPermissions(world);
  const before = await described(world);
  simulation.restartBroker(1000, 0);
  await simulation.pass(MINUTE);
  await verify(world);
  for (const core of simulation.cores())
    compare(world, 'A broker that was started again says the same', [await described(world, core), before]);
  await verifyRebuild(world, tablespace);
  for (const [stream, facts] of simulation.store.streams) problems.push(...replay(stream, facts));
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

function mend({ simulation, ground }: World): void {
  Object.assign(ground.trouble, { appends: 0, transactions: 0 });
  for (const { wire, driver, settings } of simulation.servers) {
    wire.cut = false;
    driver().breakDown();
    driver().logIn([]);
    Object.assign(settings, { failureRate: 0, latencyMs: { min: 100, max: 1000 } } satisfies Partial<ServerSettings>);
  }
}

interface Described {
  readonly sessions: ReadonlyMap<string, SessionView>;
  readonly servers: readonly ServerView[];
}

async function described({ simulation }: World, core = simulation.core()): Promise<Described> {
  const asked = Promise.all([core?.application.describeSessions({ limit: 1000 }), core?.application.describeServers({ limit: 1000 })]);
  await simulation.pass(0);
  const [sessions, servers] = await asked;
  /** Telemetry is new after every start. */
  const withoutTelemetry = ({ telemetry: _, ...view }: ServerView): ServerView => view;
  return {
    sessions: new Map((sessions?.items ?? []).map((view) => [view.id, { ...view, server: view.server && withoutTelemetry(view.server) }])),
    servers: (servers?.items ?? []).map(withoutTelemetry),
  };
}

/** What was acknowledged is READY or DELETED, with a reason; what was deleted stays deleted; and the read models say so. */
async function verifySessions(world: World): Promise<void> {
  const { told, ledger, problems } = world;
  const { sessions: views } = await described(world);
  for (const id of told.created) if (!ledger.sessions.has(id)) problems.push(`${id} was acknowledged and is gone`);
  for (const session of ledger.sessions.values()) {
    problems.push(...faultsOf(session, told).map((fault) => `${session.id} ${fault}`));
    const wrong = differs(session, views.get(session.id));
    if (wrong !== undefined) problems.push(`${session.id}, which is ${session.state}, ${wrong}`);
  }
}

function faultsOf({ id, state, reason, isOurs }: SessionAccount, { created, deleted, forced }: World['told']): readonly string[] {
  if (state === 'refused') return created.has(id) ? ['was acknowledged and then refused'] : [];
  if (state === 'over') return reason === '' ? ['is over without a reason'] : [];
  if (state !== 'ready') return [`is still ${state}`];
  return isOurs && deleted.has(id) && !forced.has(id) ? ['was deleted and is alive'] : [];
}

function differs({ state, owner, serverId: place, reason }: SessionAccount, view: SessionView | undefined): string | undefined {
  if (state === 'refused') return view && 'was refused and is described';
  if (view === undefined) return 'is not described';
  if (view.state !== (state === 'ready' ? 'READY' : 'DELETED')) return `is described as ${view.state}`;
  if (state === 'over' && view.stateReason !== reason) return `is described with the reason ${view.stateReason}`;
  if (view.owner !== owner) return `is described as ${view.owner}'s`;
  return state === 'ready' && view.server?.id !== place ? `is described on ${view.server?.id} instead of ${place}` : undefined;
}

/** Slots, live sessions and what the log says of them are the same, however it is asked. */
async function verifyServer(world: World, { id, alive }: SimulatedServer): Promise<void> {
  const { ledger, simulation } = world;
  const core = simulation.core();
  const { servers, sessions } = await described(world);
  const view = servers.find((server) => server.id === id);
  const place = core?.fleet.get(serverId(id));
  const ready = [...ledger.sessions.values()].filter((session) => session.state === 'ready' && session.serverId === id);
  const live = await alive();
  compare(world, `${id}: what is alive is READY`, [live.map(({ localId }) => localId).sort(), ready.map(({ localId }) => localId).sort()]);
  compare(world, `${id}: every READY session has its slot`, [
    [...(ledger.servers.get(id)?.slots.keys() ?? [])].sort(),
    ready.map((session) => session.id).sort(),
  ]);
  compare(world, `${id}: connections are described`, [
    connectionsOf(ready.map((session) => ({ ...session, connections: sessions.get(session.id)?.connections }))),
    connectionsOf(live),
  ]);
  const counts = (type: string) => live.filter(({ sessionType }) => sessionType === type).length;
  const expected = { consoleSessions: counts('CONSOLE'), virtualSessions: counts('VIRTUAL'), reachable: true };
  compare(world, `${id} is described`, [
    {
      consoleSessions: view?.consoleSessions,
      virtualSessions: view?.virtualSessions,
      reachable: view?.unavailabilityReason !== 'UNREACHABLE_AGENT',
    },
    expected,
  ]);
  compare(world, `${id} in the fleet index`, [
    { consoleSessions: place?.console, virtualSessions: place?.virtual, reachable: place?.reachable },
    expected,
  ]);
}

type Connected = { readonly localId: string; readonly connections: number | undefined };

const connectionsOf = (sessions: readonly Connected[]) => sessions.map(({ localId, connections }) => `${localId}: ${connections}`).sort();

/** What was acknowledged is on the host. */
async function verifyPermissions({ simulation, ledger, problems }: World): Promise<void> {
  for (const { state, permissionsFile, serverId: place, localId } of ledger.sessions.values()) {
    if (state !== 'ready' || permissionsFile === undefined) continue;
    const actual = simulation.servers
      .find(({ id }) => id === place)
      ?.driver()
      .permissionsOf(localId);
    if (actual !== permissionsFile) problems.push(`${localId} on ${place} has the permissions ${actual} instead of ${permissionsFile}`);
  }
}

/** Read models that are built from nothing say the same as those that followed every fact. */
async function verifyRebuild(world: World, { connection, clear, dump }: Tablespace): Promise<void> {
  const { simulation } = world;
  const live = await dump();
  await clear();
  const log = openMemoryEventLog(simulation.store);
  const database = { reader: createReader<Tables>([connection]), transactor: createTransactor<Tables>(connection) };
  const projector = createProjector({ log, database, projections: PROJECTIONS, logger: SILENT, clock: simulation.clock });
  await projector.start();
  await projector.reached(await log.head(), 1000);
  compare(world, 'Read models built again', [await dump(), live]);
  await projector.stop();
  await log.close();
}

const MACHINES: Readonly<Record<string, AnyStateMachine>> = { session: sessionMachine, server: serverMachine, broker: brokerMachine };

function replay(stream: string, facts: readonly RecordedFact[]): readonly string[] {
  const [category = ''] = stream.split('-');
  const machine = MACHINES[category];
  if (machine === undefined) return [`There is a stream ${stream}`];
  const actor = createActor(machine).start();
  const refused = facts.filter((fact) => {
    const isPossible = actor.getSnapshot().can(fact as never);
    actor.send(fact as never);
    return !isPossible;
  });
  actor.stop();
  return refused.map(({ type, revision }) => `The machine of ${stream} refuses ${type} at revision ${revision}`);
}

function compare({ problems }: World, what: string, [actual, expected]: readonly [unknown, unknown]): void {
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    problems.push(`${what}: ${(error as Error).message}`);
  }
}
