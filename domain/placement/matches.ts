/**
 * Which servers meet which requirement, remembered: a fleet is asked the same few requirements again and again, and descriptions seldom
 * change. What a requirement says about telemetry is asked anew each time.
 */
import { keep } from './bounded.ts';
import type { FleetServer } from './fleet-server.ts';
import type { Predicate, Requirement } from './predicate.ts';
import { meets } from './predicate.ts';
import type { PlaceableServer } from './properties.ts';

type Servers = readonly (FleetServer | undefined)[];

/** What is known of one requirement, for one decision. */
export interface Matcher {
  /** Numbers of the servers that meet it or may do so, terms on telemetry aside. Some may be without a server by now. */
  readonly possible: readonly number[];
  /** How many servers are known not to. */
  readonly ruledOut: number;
  /** Nothing is unknown. */
  readonly isComplete: boolean;
  /** Of one that is possible: that it does, terms on telemetry aside. */
  isSure(number: number): boolean;
  meets(server: FleetServer): boolean;
}

export interface MatchMemory {
  /** By their numbers, with holes. At most `mostAsked` of them are asked what is not remembered. */
  matcher(requirement: Requirement, servers: Servers, mostAsked: number): Matcher;
  /** The server of this number has another description, or has come, or has gone. */
  forget(number: number): void;
}

const UNKNOWN = 0;
const NO = 1;
const YES = 2;

interface Known {
  /** By number: UNKNOWN, NO or YES. */
  answers: Uint8Array;
  possible: number[];
  ruledOut: number;
  /** Nothing was forgotten since `possible` was put together, and nothing in it is unknown. */
  isComplete: boolean;
}

const MAX_REQUIREMENTS = 256;

export function createMatchMemory(): MatchMemory {
  const memory = new Map<Predicate, Known>();
  const everyone: number[] = [];

  function all(size: number): readonly number[] {
    while (everyone.length < size) everyone.push(everyone.length);
    return everyone;
  }

  return {
    matcher(requirement, servers, mostAsked) {
      const { stable, volatile, only } = requirement;
      // Texts that name a server are as many as there are servers, and quickly answered.
      if (stable === undefined || only !== undefined) {
        return { ...ALL_KNOWN, possible: all(servers.length), meets: (server) => meetsNow(server, requirement) };
      }
      const known = memory.get(stable) ?? keep(memory, stable, nothingKnown(), MAX_REQUIREMENTS);
      if (!known.isComplete) recollect(known, stable, { servers, mostAsked });
      const { answers, possible, ruledOut, isComplete } = known;
      const isSure = (number: number): boolean => answers[number] === YES;
      function meetsStable(server: FleetServer): boolean {
        if (answers[server.number] === UNKNOWN) answers[server.number] = ask(stable as Predicate, server) ? YES : NO;
        return answers[server.number] === YES;
      }
      if (volatile === undefined) return { possible, ruledOut, isComplete, isSure, meets: meetsStable };
      return { possible, ruledOut, isComplete, isSure, meets: (server) => meetsStable(server) && ask(volatile, server) };
    },
    forget(number) {
      for (const known of memory.values()) {
        known.isComplete = false;
        known.answers[number] = UNKNOWN;
      }
    },
  };
}

/** Where there is nothing to remember. */
const ALL_KNOWN = { ruledOut: 0, isComplete: true, isSure: () => true };

const nothingKnown = (): Known => ({ answers: new Uint8Array(0), possible: [], ruledOut: 0, isComplete: false });

/** Goes through all servers, and asks some of those whose answers are not remembered. */
function recollect(
  known: Known,
  stable: Predicate,
  { servers, mostAsked }: { readonly servers: Servers; readonly mostAsked: number },
): void {
  if (known.answers.length < servers.length) known.answers = grown(known.answers, 2 * servers.length);
  const { answers } = known;
  const possible: number[] = [];
  let asked = 0;
  let present = 0;
  let unknown = 0;
  for (let number = 0; number < servers.length; number += 1) {
    const server = servers[number];
    if (server === undefined) continue;
    present += 1;
    if (answers[number] === UNKNOWN && asked < mostAsked) {
      asked += 1;
      answers[number] = ask(stable, server) ? YES : NO;
    }
    if (answers[number] === UNKNOWN) unknown += 1;
    if (answers[number] !== NO) possible.push(number);
  }
  known.possible = possible;
  known.ruledOut = present - possible.length;
  known.isComplete = unknown === 0;
}

/** Without the memory: for one look at one server. */
export function meetsNow(server: FleetServer, requirement: Requirement): boolean {
  return isDescribed(server) && meets(server, requirement);
}

function ask(predicate: Predicate, server: FleetServer): boolean {
  return isDescribed(server) && predicate(server);
}

/** A server that has not been described yet meets no requirement, not even the empty one. */
function isDescribed(server: FleetServer): server is FleetServer & PlaceableServer {
  return server.description !== undefined;
}

function grown(answers: Uint8Array, size: number): Uint8Array {
  const larger = new Uint8Array(size);
  larger.set(answers);
  return larger;
}
