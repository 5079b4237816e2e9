/**
 * Which servers to ask for a slot, best first. One pass over the fleet, remembering only the best few: asking them is up to the caller,
 * and the server's actor decides.
 */
import type { ServerId } from '../ids.ts';
import type { Random } from '../ports/clock.ts';
import type { CapacityCode, SlotWish } from '../server/capacity.ts';
import { judge } from '../server/capacity.ts';
import type { Fleet, FleetServer } from './fleet.ts';
import type { Compare, PolicyName } from './policies.ts';
import { POLICIES } from './policies.ts';
import type { Requirement } from './requirements.ts';

/** How many servers are proposed. When all of them turn the session down, the fleet has changed and is worth a new look. */
export const MAX_CANDIDATES = 16;

export interface CandidateWish extends SlotWish {
  readonly requirement: Requirement;
  /** Where it failed before. */
  readonly except?: readonly ServerId[] | undefined;
}

/** Why a server is not among the candidates. */
export type TurnedDown = CapacityCode | 'REQUIREMENTS_NOT_MET' | 'ALREADY_TRIED';

export interface Candidates {
  /** Best first, at most 16. */
  readonly ordered: readonly ServerId[];
  /** Servers in the fleet. */
  readonly considered: number;
  readonly turnedDown: Readonly<Partial<Record<TurnedDown, number>>>;
}

/** Takes about a tenth of a microsecond a server. */
export function candidates(fleet: Fleet, wish: CandidateWish, random: Random, policy: PolicyName = 'least-loaded'): Candidates {
  const matches = fleet.matcher(wish.requirement);
  const best = createShortlist(POLICIES[policy][wish.sessionType], random);
  const turnedDown: Partial<Record<TurnedDown, number>> = {};
  for (const server of fleet.values()) {
    const why = objection(server, wish, matches);
    if (why === undefined) best.offer(server);
    else turnedDown[why] = (turnedDown[why] ?? 0) + 1;
  }
  return { ordered: best.ids(), considered: fleet.size, turnedDown };
}

/** For the API's user: the sentence that the original says, and why. */
export function noServerReason({ considered, turnedDown }: Candidates): string {
  const servers = considered === 1 ? '1 server' : `${considered} servers`;
  const counts = REASONS.flatMap(([code, text]) => (turnedDown[code] === undefined ? [] : [`${turnedDown[code]} ${text}`]));
  const why = counts.length === 0 ? '' : `: ${counts.join(', ')}`;
  return `No DCV server found for the given criteria; ${servers} considered${why}.`;
}

const REASONS: readonly (readonly [TurnedDown, string])[] = [
  ['REQUIREMENTS_NOT_MET', 'not meeting the requirements'],
  ['SESSION_TYPE_NOT_SUPPORTED', 'not supporting the session type'],
  ['SERVER_CLOSED', 'closed'],
  ['UNREACHABLE_AGENT', 'unreachable'],
  ['UNHEALTHY_DCV_SERVER', 'unhealthy'],
  ['SERVER_FULL', 'full'],
  ['SESSION_TYPE_CONFLICT', 'holding virtual sessions'],
  ['EXISTING_LOGGED_IN_USER', 'with a user logged in'],
  ['OWNER_LIMIT_REACHED', 'at the limit of sessions of this owner'],
  ['ALREADY_TRIED', 'tried before'],
];

/** The requirement comes first, so that the user hears about the servers that were meant, and why those do not do. */
function objection(server: FleetServer, wish: CandidateWish, matches: (server: FleetServer) => boolean): TurnedDown | undefined {
  if (!matches(server)) return 'REQUIREMENTS_NOT_MET';
  if (wish.except?.includes(server.id)) return 'ALREADY_TRIED';
  return judge(server, wish, countOwned);
}

function countOwned(server: FleetServer, owner: string): number {
  let owned = 0;
  for (const slot of server.slots.values()) if (slot.owner === owner) owned += 1;
  for (const slot of server.asked.values()) if (slot.owner === owner) owned += 1;
  return owned;
}

interface Shortlist {
  offer(server: FleetServer): void;
  ids(): readonly ServerId[];
}

/**
 * The best of all that were offered, sorted. Among equals every one has the same chance: each draws a lot, made from one random number a
 * decision, because drawing from the generator ten thousand times would cost more than the decision.
 */
function createShortlist(compare: Compare, random: Random): Shortlist {
  const seed = Math.floor(random.fraction() * 2 ** 32);
  const best: FleetServer[] = [];
  const isBetter = (a: FleetServer, b: FleetServer): boolean => {
    const difference = compare(a, b);
    return difference === 0 ? lot(seed, a.number) < lot(seed, b.number) : difference < 0;
  };
  return {
    offer(server) {
      const worst = best[MAX_CANDIDATES - 1];
      if (worst !== undefined && !isBetter(server, worst)) return;
      let place = best.length;
      while (place > 0 && isBetter(server, best[place - 1] as FleetServer)) place -= 1;
      best.splice(place, 0, server);
      best.length = Math.min(best.length, MAX_CANDIDATES);
    },
    ids: () => best.map((server) => server.id),
  };
}

/** A number that looks random for each seed and server: the finishing mix of MurmurHash3, 32 bits. */
function lot(seed: number, number: number): number {
  let mixed = seed ^ Math.imul(number + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
