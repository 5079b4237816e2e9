/**
 * Which server meets which requirement, remembered: a fleet asks the same few requirements again and again, and descriptions seldom
 * change. One byte a server and requirement; requirements that look at telemetry are asked anew each time.
 */
import { keep } from './bounded.ts';
import type { FleetServer } from './fleet.ts';
import type { PlaceableServer } from './properties.ts';
import type { Requirement } from './requirements.ts';

export interface MatchMemory {
  /** A function for one decision: the memory is looked up once, not once a server. */
  matcher(requirement: Requirement): (server: FleetServer) => boolean;
  /** The server of this number has another description, or there is another server of this number. */
  forget(number: number): void;
}

const MAX_REQUIREMENTS = 64;
const FIRST_SIZE = 1_024;
/** In an answer array, 0 is not asked yet. */
const NO = 1;
const YES = 2;

export function createMatchMemory(limit = MAX_REQUIREMENTS): MatchMemory {
  const memory = new Map<Requirement, { answers: Uint8Array }>();
  return {
    matcher(requirement) {
      if (requirement.volatile) return (server) => ask(requirement, server);
      const known = memory.get(requirement) ?? keep(memory, requirement, { answers: new Uint8Array(FIRST_SIZE) }, limit);
      return (server) => {
        if (server.number >= known.answers.length) known.answers = grown(known.answers, server.number);
        if (known.answers[server.number] === 0) known.answers[server.number] = ask(requirement, server) ? YES : NO;
        return known.answers[server.number] === YES;
      };
    },
    forget(number) {
      for (const { answers } of memory.values()) if (number < answers.length) answers[number] = 0;
    },
  };
}

function ask(requirement: Requirement, server: FleetServer): boolean {
  return isDescribed(server) && requirement.matches(server);
}

/** A server that has not been described yet meets no requirement, not even the empty one. */
function isDescribed(server: FleetServer): server is FleetServer & PlaceableServer {
  return server.description !== undefined;
}

function grown(answers: Uint8Array, number: number): Uint8Array {
  const larger = new Uint8Array(Math.max(2 * answers.length, number + 1));
  larger.set(answers);
  return larger;
}
