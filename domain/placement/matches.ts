/**
 * Which server meets which requirement, remembered: a fleet asks the same few requirements again and again, and descriptions seldom
 * change. One byte a server and requirement. What a requirement says about telemetry is asked anew each time.
 */
import { keep } from './bounded.ts';
import type { FleetServer } from './fleet-server.ts';
import type { Predicate, Requirement } from './predicate.ts';
import { meets } from './predicate.ts';
import type { PlaceableServer } from './properties.ts';

/** For one decision, so that the memory is looked up once and not once a server. */
export interface Matcher {
  /** What is remembered of each server by its number, terms on telemetry aside: UNKNOWN, NO or YES. Undefined: all of them YES. */
  readonly answers: Uint8Array | undefined;
  meets(server: FleetServer): boolean;
}

export interface MatchMemory {
  /** `size`: above every number in use. */
  matcher(requirement: Requirement, size: number): Matcher;
  /** The server of this number has another description, or there is another server of this number. */
  forget(number: number): void;
}

export const UNKNOWN = 0;
export const NO = 1;
export const YES = 2;

const MAX_REQUIREMENTS = 256;

export function createMatchMemory(): MatchMemory {
  const memory = new Map<Predicate, Uint8Array>();

  function recall(stable: Predicate, size: number): Uint8Array {
    const known = memory.get(stable);
    if (known !== undefined && known.length >= size) return known;
    const answers = new Uint8Array(2 * size);
    if (known !== undefined) answers.set(known);
    return keep(memory, stable, answers, MAX_REQUIREMENTS);
  }

  return {
    matcher(requirement, size) {
      const { stable, volatile, only } = requirement;
      // Texts that name a server are as many as there are servers, and quickly answered.
      if (stable === undefined || only !== undefined) return { answers: undefined, meets: (server) => meetsNow(server, requirement) };
      const answers = recall(stable, size);
      function meets(server: FleetServer): boolean {
        if (answers[server.number] === UNKNOWN) answers[server.number] = ask(stable as Predicate, server) ? YES : NO;
        return answers[server.number] === YES;
      }
      return { answers, meets: volatile === undefined ? meets : (server) => meets(server) && ask(volatile, server) };
    },
    forget(number) {
      for (const answers of memory.values()) if (number < answers.length) answers[number] = UNKNOWN;
    },
  };
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
