/** The calls of clients in the lifecycle test, and what their answers must be. Nobody waits for an answer: a broker that dies gives none. */
import type { Application } from '../../adapters/application.ts';
import type { Rejection } from '../../domain/decision.ts';
import type { Origin } from '../../domain/facts.ts';
import { requestId } from '../../domain/ids.ts';
import { LogBusyError, LogFault } from '../../domain/ports/event-log.ts';
import type { SessionAccount } from './lifecycle-ledger.ts';
import { readFacts, type World } from './lifecycle-model.ts';
import { wish } from './samples.ts';

const STRANGER = 'mallory';

interface Call<T> {
  ask(application: Application, origin: Origin): Promise<T>;
  /** Nothing may follow from it. */
  readonly isStranger?: boolean | undefined;
  answered(answer: T): void;
}

/** Whether a call that ends with an error, or is never answered, was carried out is unknown. */
function call<T>(world: World, { ask, isStranger, answered }: Call<T>): void {
  const { told, problems, simulation } = world;
  const application = simulation.core()?.application;
  if (application === undefined) return;
  told.calls += 1;
  const id = requestId(`00000000-0000-4000-8000-${String(told.calls).padStart(12, '0')}`);
  if (isStranger) told.strangers.add(id);
  ask(application, { cause: { kind: 'client', id: 'test' }, requestId: id })
    .then((answer) => {
      readFacts(world);
      answered(answer);
    })
    .catch((error) => {
      if (!(error instanceof LogBusyError || error instanceof LogFault)) problems.push(`A call failed: ${error.stack}`);
    });
}

export type Wished = Parameters<typeof wish>[0];

export function create(world: World, { items }: { readonly items: readonly Wished[] }): void {
  const { told, ledger, problems } = world;
  const named = items.map((item, index) => wish({ ...item, name: `request ${told.calls}.${index}` }));
  call(world, {
    ask: (application, origin) => application.createSessions(named, origin),
    answered(results) {
      results.forEach((result, index) => {
        if ('done' in result) {
          told.created.add(result.done.id);
          if (!isPlacedOrWaits(ledger.sessions.get(result.done.id))) problems.push(`${result.done.id} was acknowledged and is not there`);
        } else if (result.rejected.code !== 'BUSY') {
          told.refused.add(named[index]?.name ?? '');
        }
      });
    },
  });
}

const isPlacedOrWaits = (session: SessionAccount | undefined): boolean => session !== undefined && session.state !== 'refused';

/** The living first, the newest first. */
function choose({ ledger }: World, which: number): SessionAccount | undefined {
  const all = [...ledger.sessions.values()].filter(({ state }) => state !== 'refused').reverse();
  const living = all.filter(({ state }) => state !== 'over');
  const sorted = [...living, ...all.filter(({ state }) => state === 'over')];
  return sorted[which % sorted.length];
}

interface Choice {
  readonly which: number;
  readonly isStranger: boolean;
}

export function remove(world: World, { which, isStranger, force }: Choice & { readonly force: boolean }): void {
  const { told, ledger, problems } = world;
  const session = choose(world, which);
  if (session === undefined) return;
  const { id, owner } = session;
  if (force && !isStranger) told.forced.add(id);
  call(world, {
    isStranger,
    ask: (application, origin) => application.deleteSessions([{ sessionId: id, owner: isStranger ? STRANGER : owner, force }], origin),
    answered([result]) {
      if (result === undefined || 'rejected' in result) return verifyRejection(world, id, isStranger, result?.rejected);
      if (isStranger) problems.push(`${id} was deleted by a stranger`);
      if (!force) told.deleted.add(id);
      const state = ledger.sessions.get(id)?.state;
      if (session.isOurs && !told.forced.has(id) && state !== 'deleting' && state !== 'over')
        problems.push(`${id} is deleted and ${state}`);
    },
  });
}

export function updatePermissions(world: World, { which, isStranger, permissions }: Choice & { readonly permissions: string }): void {
  const { problems } = world;
  const session = choose(world, which);
  if (session === undefined) return;
  const { id, owner } = session;
  const wished = { sessionId: id, owner: isStranger ? STRANGER : owner, permissionsFile: permissions };
  call(world, {
    isStranger,
    ask: (application, origin) => application.updateSessionPermissions([wished], origin),
    answered([result]) {
      if (result === undefined || 'rejected' in result) verifyRejection(world, id, isStranger, result?.rejected);
      else if (isStranger) problems.push(`${id} got permissions from a stranger`);
    },
  });
}

function verifyRejection({ ledger, problems }: World, id: string, isStranger: boolean, rejection: Rejection | undefined): void {
  const state = ledger.sessions.get(id)?.state;
  const expected = isStranger ? ['OWNER_MISMATCH', 'BUSY'] : ['SESSION_GONE', 'BUSY'];
  if (state !== 'refused' && !expected.includes(rejection?.code ?? '')) problems.push(`${id}, which is ${state}: ${rejection?.reason}`);
}

/** What was acknowledged before the call is in its answer. */
export function describe(world: World): void {
  const { told, problems } = world;
  const created = [...told.created];
  const deleted = [...told.deleted].filter((id) => told.created.has(id) && !told.forced.has(id));
  call(world, {
    ask: (application) => application.describeSessions({ limit: 1000 }),
    answered({ items }) {
      const states = new Map(items.map(({ id, state }) => [id, state]));
      for (const id of created) if (!states.has(id)) problems.push(`${id} was acknowledged and is not described`);
      for (const id of deleted) {
        const state = states.get(id) ?? 'nothing';
        if (!['DELETING', 'DELETED', 'UNKNOWN'].includes(state)) problems.push(`${id} was deleted and is described as ${state}`);
      }
    },
  });
}

export function openGate(world: World, { server }: { readonly server: number }): void {
  gate(world, server, true, (application, serverId, origin) => application.openServers([{ serverId }], origin));
}

export function closeGate(world: World, { server, force }: { readonly server: number; readonly force: boolean }): void {
  gate(world, server, false, (application, serverId, origin) => application.closeServers([{ serverId, force }], origin));
}

type Gate = (application: Application, serverId: string, origin: Origin) => ReturnType<Application['openServers']>;

/** Where several such calls are under way at a time, nobody knows which of them is the last. */
function gate(world: World, index: number, isOpened: boolean, act: Gate): void {
  const { told, ledger, problems, simulation } = world;
  const { id } = simulation.servers[index % simulation.servers.length] as { readonly id: string };
  const turn = (told.gates.get(id) ?? 0) + 1;
  told.gates.set(id, turn);
  call(world, {
    ask: (application, origin) => act(application, id, origin),
    answered([result]) {
      const isLast = told.gates.get(id) === turn;
      if (isLast && result !== undefined && 'done' in result && ledger.servers.get(id)?.isOpen !== isOpened) {
        problems.push(`${id} was ${isOpened ? 'opened' : 'closed'} and is not`);
      }
    },
  });
}
