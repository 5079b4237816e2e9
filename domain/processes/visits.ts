/** Looking after those who wait, because a server may take now what it could not take before: whom to ask for, and what the answer means. */

import type { ServerId } from '../ids.ts';
import { candidates } from '../placement/candidates.ts';
import type { Fleet } from '../placement/fleet.ts';
import { meetsNow } from '../placement/matches.ts';
import type { TurnedDown } from '../placement/objection.ts';
import { hasRoom, objection } from '../placement/objection.ts';
import type { Random } from '../ports/clock.ts';
import { ANY, type Job, ON_TELEMETRY, wishOf } from './job.ts';

export interface Visit {
  /** Whom it concerns. */
  readonly sections: readonly string[];
  /** What a question costs, compared with asking one server. */
  readonly cost: number;
  answerTo(job: Job): Answer;
}

/** `kind`: not for this one nor for its like. `group`: not for anybody with this requirement. `over`: there is no room left. */
export type Answer = 'yes' | 'kind' | 'group' | 'over';

/** The visits that are to be made. */
export interface Visits {
  /** To one server; false: it has no room anyway. */
  to(serverId: ServerId): boolean;
  /** To the whole fleet, for those whose requirement speaks of telemetry. */
  toAll(): void;
  /** Which comes next, and is not to be made any more; undefined: none. */
  next(): Visit | undefined;
}

export function createVisits({ fleet, random }: { readonly fleet: Fleet; readonly random: Random }): Visits {
  const roomy = new Set<ServerId>();
  let isTelemetryDue = false;
  return {
    to(serverId) {
      const server = fleet.get(serverId);
      if (server === undefined || !hasRoom(server)) return false;
      roomy.add(serverId);
      return true;
    },
    toAll() {
      isTelemetryDue = true;
    },
    next() {
      if (isTelemetryDue) {
        isTelemetryDue = false;
        return visitToAll(fleet, random);
      }
      const [serverId] = roomy;
      if (serverId === undefined) return undefined;
      roomy.delete(serverId);
      return visitTo(fleet, serverId);
    },
  };
}

function visitTo(fleet: Fleet, id: ServerId): Visit {
  return {
    sections: [ANY, id, ON_TELEMETRY],
    cost: 1,
    answerTo(job) {
      const server = fleet.get(id);
      if (server === undefined) return 'over';
      // This alone is asked for most of those who wait.
      if (!meetsNow(server, job.requirement)) return 'group';
      const why = objection(server, wishOf(job), () => true);
      if (why === undefined) return 'yes';
      if (OWN.includes(why)) return 'kind';
      return hasRoom(server) ? 'group' : 'over';
    },
  };
}

function visitToAll(fleet: Fleet, random: Random): Visit {
  return {
    sections: [ON_TELEMETRY],
    cost: 20,
    answerTo(job) {
      const { ordered, turnedDown } = candidates(fleet, wishOf(job), random);
      if (ordered.length > 0) return 'yes';
      return OWN.some((why) => turnedDown[why] !== undefined) ? 'kind' : 'group';
    },
  };
}

/** What speaks against one session and not against another with the same requirement. */
const OWN: readonly TurnedDown[] = ['ALREADY_TRIED', 'OWNER_LIMIT_REACHED'];
