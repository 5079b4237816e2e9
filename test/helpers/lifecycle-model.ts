/** What clients were told in one run of the lifecycle test, and what must hold at any moment because of it. Plain data beside the broker's own. */
import { LogBusyError, LogFault } from '../../domain/ports/event-log.ts';
import { createLedger, type Ledger, type ServerAccount } from './lifecycle-ledger.ts';
import type { SimulatedServer } from './simulated-server.ts';
import type { Simulation } from './simulation.ts';
import { DISK_FULL, type TurnGround } from './turn-ground.ts';
import type { Turns } from './turns.ts';

export interface Told {
  /** Calls so far: each has a number of its own. */
  calls: number;
  /** Sessions that CreateSessions acknowledged. */
  readonly created: Set<string>;
  /** Names of sessions that CreateSessions refused to make. */
  readonly refused: Set<string>;
  /** Sessions whose deletion was asked for by force, whether it was answered or not. */
  readonly forced: Set<string>;
  /** Sessions whose deletion without force was acknowledged. */
  readonly deleted: Set<string>;
  /** Requests of people who own nothing. */
  readonly strangers: Set<string>;
  /** Calls to open or close a server, by server. */
  readonly gates: Map<string, number>;
}

export interface World {
  readonly simulation: Simulation;
  readonly ground: TurnGround;
  readonly turns: Turns;
  readonly told: Told;
  readonly ledger: Ledger;
  /** Facts that the ledger has read. */
  read: number;
  /** Sessions made by hand. */
  made: number;
  readonly problems: string[];
}

export function newWorld(parts: Pick<World, 'simulation' | 'ground' | 'turns'>): World {
  const told: Told = {
    calls: 0,
    created: new Set(),
    refused: new Set(),
    forced: new Set(),
    deleted: new Set(),
    strangers: new Set(),
    gates: new Map(),
  };
  return { ...parts, told, ledger: createLedger(), read: 0, made: 0, problems: [] };
}

/** What holds at any moment, however much is under way. Rejects with all that does not. */
export async function verify(world: World): Promise<void> {
  readFacts(world);
  for (const server of world.simulation.servers) await verifyHost(world, server);
  for (const fault of world.simulation.faults) if (!isExpected(fault)) world.problems.push(`The broker logged ${describeFault(fault)}`);
  if (world.problems.length > 0) throw new Error(world.problems.join('\n'));
}

/** Lets the ledger read what was recorded meanwhile. */
export function readFacts(world: World): void {
  const { told, ledger, problems } = world;
  for (const fact of world.simulation.store.facts.slice(world.read)) {
    const wrong = ledger.read(fact);
    if (wrong !== undefined) problems.push(wrong);
    if (told.strangers.has(fact.requestId)) problems.push(`${fact.type} of ${fact.stream} was caused by a stranger`);
    world.read += 1;
  }
}

/** A session is alive only where it belongs, unless it was given up there while its host could not be asked. */
async function verifyHost({ told, ledger, problems }: World, { id, alive }: SimulatedServer): Promise<void> {
  const rightful: SessionType[] = [];
  for (const { localId, name, sessionType } of await alive()) {
    if (told.refused.has(name)) problems.push(`${localId} was refused and is alive on ${id}`);
    const session = ledger.sessions.get(localId);
    if (session?.isOurs !== true) continue;
    const isExcused = session.givenUp.has(id) || told.forced.has(localId);
    const isHere = session.serverId === id && session.state !== 'placing' && session.state !== 'over';
    if (!isHere && !isExcused) problems.push(`${localId} is alive on ${id} although it is ${session.state}, last on ${session.serverId}`);
    if (isHere && !isExcused) rightful.push(sessionType);
  }
  const server = ledger.servers.get(id);
  if (server !== undefined && isTooMuch(server, rightful)) problems.push(`${id} holds ${rightful.join(', ')}`);
}

type SessionType = 'CONSOLE' | 'VIRTUAL';

function isTooMuch({ osFamily, most }: ServerAccount, types: readonly SessionType[]): boolean {
  if (osFamily !== 'linux' || types.includes('CONSOLE')) return types.length > 1;
  return most >= 0 && types.length > most;
}

/** A disk that fails is told of, and nothing else goes wrong. */
function isExpected(fault: unknown): boolean {
  const { err } = Object(fault);
  return err instanceof LogFault || err instanceof LogBusyError || Object(err).message === DISK_FULL;
}

function describeFault(fault: unknown): string {
  const { message, err } = Object(fault);
  return `${message} ${Object(err).stack ?? err}`;
}
