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
  /** True where the memory already says no; it is a look into an array and does not touch the server. */
  rulesOut(number: number): boolean;
  meets(server: FleetServer): boolean;
}

export interface MatchMemory {
  matcher(requirement: Requirement): Matcher;
  /** The server of this number has another description, or there is another server of this number. */
  forget(number: number): void;
}

const MAX_REQUIREMENTS = 64;
const FIRST_SIZE = 1_024;
/** In an answer array, 0 is not asked yet. */
const NO = 1;
const YES = 2;

export function createMatchMemory(): MatchMemory {
  const memory = new Map<Predicate, { answers: Uint8Array }>();

  function recall(stable: Predicate): Matcher {
    const known = memory.get(stable) ?? keep(memory, stable, { answers: new Uint8Array(FIRST_SIZE) }, MAX_REQUIREMENTS);
    return {
      rulesOut: (number) => known.answers[number] === NO,
      meets(server) {
        if (server.number >= known.answers.length) known.answers = grown(known.answers, server.number);
        if (known.answers[server.number] === 0) known.answers[server.number] = ask(stable, server) ? YES : NO;
        return known.answers[server.number] === YES;
      },
    };
  }

  return {
    matcher(requirement) {
      const { stable, volatile, only } = requirement;
      // Texts that name a server are as many as there are servers, and quickly answered.
      if (stable === undefined || only !== undefined) return { rulesOut: () => false, meets: (server) => askAll(requirement, server) };
      const recalled = recall(stable);
      if (volatile === undefined) return recalled;
      return { rulesOut: recalled.rulesOut, meets: (server) => recalled.meets(server) && ask(volatile, server) };
    },
    forget(number) {
      for (const { answers } of memory.values()) if (number < answers.length) answers[number] = 0;
    },
  };
}

function askAll(requirement: Requirement, server: FleetServer): boolean {
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
