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
  /** What the memory holds, terms on telemetry aside: UNKNOWN, NO or YES. It is a look into an array and does not touch the server. */
  recall(number: number): number;
  meets(server: FleetServer): boolean;
}

export interface MatchMemory {
  matcher(requirement: Requirement): Matcher;
  /** The server of this number has another description, or there is another server of this number. */
  forget(number: number): void;
}

export const UNKNOWN = 0;
export const NO = 1;
export const YES = 2;

const MAX_REQUIREMENTS = 256;
const FIRST_SIZE = 1_024;

export function createMatchMemory(): MatchMemory {
  const memory = new Map<Predicate, { answers: Uint8Array }>();

  function remembering(stable: Predicate): Matcher {
    const known = memory.get(stable) ?? keep(memory, stable, { answers: new Uint8Array(FIRST_SIZE) }, MAX_REQUIREMENTS);
    return {
      recall: (number) => known.answers[number] ?? UNKNOWN,
      meets(server) {
        if (server.number >= known.answers.length) known.answers = grown(known.answers, server.number);
        if (known.answers[server.number] === UNKNOWN) known.answers[server.number] = ask(stable, server) ? YES : NO;
        return known.answers[server.number] === YES;
      },
    };
  }

  return {
    matcher(requirement) {
      const { stable, volatile, only } = requirement;
      // Texts that name a server are as many as there are servers, and quickly answered.
      if (stable === undefined || only !== undefined) return { recall: () => YES, meets: (server) => meetsNow(server, requirement) };
      const remembered = remembering(stable);
      if (volatile === undefined) return remembered;
      return { recall: remembered.recall, meets: (server) => remembered.meets(server) && ask(volatile, server) };
    },
    forget(number) {
      for (const { answers } of memory.values()) if (number < answers.length) answers[number] = UNKNOWN;
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

function grown(answers: Uint8Array, number: number): Uint8Array {
  const larger = new Uint8Array(2 * number);
  larger.set(answers);
  return larger;
}
