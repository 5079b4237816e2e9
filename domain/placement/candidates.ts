/**
 * Which servers to ask for a slot, best first. One pass over the fleet, remembering only the best few: asking them is up to the caller,
 * and the server's actor decides. The pass ranks before it asks what costs more, so that most servers are never asked whether they
 * meet the requirement; only when nobody does is every server looked at, to say why.
 */
import type { ServerId } from '../ids.ts';
import type { Random } from '../ports/clock.ts';
import type { CapacityCode, SlotWish } from '../server/capacity.ts';
import { judge } from '../server/capacity.ts';
import type { Columns } from './columns.ts';
import type { Fleet } from './fleet.ts';
import type { FleetServer } from './fleet-server.ts';
import type { Matcher } from './matches.ts';
import type { Compare, PolicyName } from './policies.ts';
import { POLICIES } from './policies.ts';
import type { Requirement } from './predicate.ts';

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
  /** How many servers for which reason. Only counted where `ordered` is empty. */
  readonly turnedDown: Readonly<Partial<Record<TurnedDown, number>>>;
}

export function candidates(fleet: Fleet, wish: CandidateWish, random: Random, policy: PolicyName = 'least-loaded'): Candidates {
  const ordered = choose(fleet, wish, random, policy);
  return { ordered, considered: fleet.size, turnedDown: ordered.length === 0 ? explain(fleet, wish) : {} };
}

/** For the API's user: the sentence that the original says, and why. */
export function noServerReason({ considered, turnedDown, ordered }: Candidates): string {
  const servers = considered === 1 ? '1 server' : `${considered} servers`;
  const counts = REASONS.flatMap(([code, text]) => (turnedDown[code] === undefined ? [] : [`${turnedDown[code]} ${text}`]));
  if (ordered.length > 0) counts.push(`${ordered.length} taken by others meanwhile`);
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

function explain(fleet: Fleet, wish: CandidateWish): Partial<Record<TurnedDown, number>> {
  const turnedDown: Partial<Record<TurnedDown, number>> = {};
  const matcher = fleet.matcher(wish.requirement);
  const meant = named(fleet, wish.requirement) ?? [...fleet.values()];
  if (meant.length < fleet.size) turnedDown.REQUIREMENTS_NOT_MET = fleet.size - meant.length;
  for (const server of meant) {
    const why = objection(server, wish, matcher);
    if (why !== undefined) turnedDown[why] = (turnedDown[why] ?? 0) + 1;
  }
  return turnedDown;
}

/** The server that a requirement names by its id, if it is there; undefined where it names none. */
function named(fleet: Fleet, { only }: Requirement): readonly FleetServer[] | undefined {
  if (only === undefined) return undefined;
  const server = fleet.get(only);
  return server === undefined ? [] : [server];
}

/** The requirement comes first, so that the user hears about the servers that were meant, and why those do not do. */
function objection(server: FleetServer, wish: CandidateWish, matcher: Matcher): TurnedDown | undefined {
  if (!matcher.meets(server)) return 'REQUIREMENTS_NOT_MET';
  if (wish.except?.includes(server.id)) return 'ALREADY_TRIED';
  return judge(server, wish, countOwned);
}

function countOwned(server: FleetServer, owner: string): number {
  let owned = 0;
  for (const slot of server.slots.values()) if (slot.owner === owner) owned += 1;
  for (const slot of server.asked.values()) if (slot.owner === owner) owned += 1;
  return owned;
}

function choose(fleet: Fleet, wish: CandidateWish, random: Random, policy: PolicyName): readonly ServerId[] {
  const { columns } = fleet;
  const matcher = fleet.matcher(wish.requirement);
  const accepts = (server: FleetServer): boolean => objection(server, wish, matcher) === undefined;
  const takes = columns.takes[wish.sessionType];
  const inQuestion = (number: number): boolean => takes[number] === 1 && !matcher.rulesOut(number);
  const isBetter = ranking(columns, POLICIES[policy][wish.sessionType], random);
  const chosen = named(fleet, wish.requirement)?.filter(accepts) ?? best(columns, inQuestion, isBetter, accepts);
  return chosen.map(({ id }) => id);
}

type IsBetter = (a: number, b: number) => boolean;

/**
 * An order without ties. Among equals every one has the same chance to come first: each draws a lot, made from one random number a
 * decision, because drawing from the generator ten thousand times would cost more than the decision.
 */
function ranking(columns: Columns, compare: Compare, random: Random): IsBetter {
  const seed = Math.floor(random.fraction() * 2 ** 32);
  return (a, b) => {
    const difference = compare(columns, a, b);
    return difference === 0 ? lot(seed, a) < lot(seed, b) : difference < 0;
  };
}

/** The best of those in question that are accepted, sorted. Whoever would not make the list is not asked. */
function best(columns: Columns, inQuestion: (number: number) => boolean, isBetter: IsBetter, accepts: (server: FleetServer) => boolean) {
  const { servers } = columns;
  const list: number[] = [];
  for (let number = 0; number < servers.length; number += 1) {
    if (!inQuestion(number)) continue;
    const worst = list[MAX_CANDIDATES - 1];
    if (worst !== undefined && !isBetter(number, worst)) continue;
    if (accepts(servers[number] as FleetServer)) insert(list, number, isBetter);
  }
  return list.map((number) => servers[number] as FleetServer);
}

function insert(list: number[], number: number, isBetter: IsBetter): void {
  const place = list.findIndex((other) => isBetter(number, other));
  list.splice(place === -1 ? list.length : place, 0, number);
  list.length = Math.min(list.length, MAX_CANDIDATES);
}

/** A number that looks random for each seed and server: the finishing mix of MurmurHash3, 32 bits. */
function lot(seed: number, number: number): number {
  let mixed = seed ^ Math.imul(number + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
