/**
 * Which servers to ask for a slot, best first, and why not the others. One pass over the fleet, remembering only the best few: asking
 * them is up to the caller, and the server's actor decides. The pass ranks before it asks what costs more, so that of ten thousand
 * servers only a few are touched.
 */
import type { ServerId } from '../ids.ts';
import type { Random } from '../ports/clock.ts';
import type { Columns } from './columns.ts';
import type { Fleet } from './fleet.ts';
import type { FleetServer } from './fleet-server.ts';
import type { Matcher } from './matches.ts';
import { NO, UNKNOWN, YES } from './matches.ts';
import type { CandidateWish, TurnedDown } from './objection.ts';
import { ALREADY_TRIED, NO_SERVER, objection, REQUIREMENTS_NOT_MET, TAKES, VERDICTS } from './objection.ts';
import type { Compare, PolicyName } from './policies.ts';
import { POLICIES } from './policies.ts';

/** How many servers are proposed. When all of them turn the session down, the fleet has changed and is worth a new look. */
export const MAX_CANDIDATES = 16;
/** How many servers a decision asks about their descriptions only to count them: what a tenth of a millisecond is enough for. */
const MOST_ASKED = 1_000;

/**
 * A decision, and what it was made on. `turnedDown` says how many servers are out of the question, each counted once under its first
 * reason: the requirement (its terms on telemetry only where the server takes the session otherwise), that it failed there before,
 * what the server itself says.
 *
 * Where `ordered` is empty every server is counted. Where it is not, servers that come behind the candidates are not asked about the
 * cap on one owner's sessions, nor about telemetry; and of a requirement that is new to a large fleet, the first decisions count only the
 * servers that are known to meet it or not to, a thousand more each time. So the numbers are never too high.
 */
export interface Candidates {
  readonly policy: PolicyName;
  /** Best first, at most 16. */
  readonly ordered: readonly ServerId[];
  /** Servers in the fleet. */
  readonly considered: number;
  readonly turnedDown: Readonly<Partial<Record<TurnedDown, number>>>;
}

export function candidates(fleet: Fleet, wish: CandidateWish, random: Random, policy: PolicyName = 'least-loaded'): Candidates {
  const decision = { fleet, wish, isBetter: ranking(fleet.columns, POLICIES[policy][wish.sessionType], random) };
  let { best, turnedDown } = look(decision, MOST_ASKED);
  if (best.length === 0) ({ best, turnedDown } = look(decision, Number.POSITIVE_INFINITY));
  return { policy, ordered: best.map(({ id }) => id), considered: fleet.size, turnedDown };
}

interface Decision {
  readonly fleet: Fleet;
  readonly wish: CandidateWish;
  readonly isBetter: IsBetter;
}

interface Look {
  readonly best: readonly FleetServer[];
  readonly turnedDown: Partial<Record<TurnedDown, number>>;
}

function look(decision: Decision, mostAsked: number): Look {
  const { only } = decision.wish.requirement;
  return only === undefined ? lookAtAll(decision, mostAsked) : lookAtOne(decision, only);
}

/** A requirement that names a server by its id is met by no other. */
function lookAtOne({ fleet, wish }: Decision, only: ServerId): Look {
  const server = fleet.get(only);
  const others = fleet.size - (server === undefined ? 0 : 1);
  const turnedDown: Look['turnedDown'] = others === 0 ? {} : { REQUIREMENTS_NOT_MET: others };
  if (server === undefined) return { best: [], turnedDown };
  const why = objection(server, wish, fleet.matcher(wish.requirement).meets);
  if (why === undefined) return { best: [server], turnedDown };
  return { best: [], turnedDown: { ...turnedDown, [why]: (turnedDown[why] ?? 0) + 1 } };
}

/** Whoever would not make the list is not touched, up to `mostAsked` servers whose answer to the requirement is not remembered. */
function lookAtAll({ fleet, wish, isBetter }: Decision, mostAsked: number): Look {
  const { columns } = fleet;
  const { servers } = columns;
  const matcher = fleet.matcher(wish.requirement);
  remind(matcher, servers, mostAsked);
  const standing = createStanding(fleet, wish, matcher);
  const counts = new Uint32Array(VERDICTS.length);
  const list: number[] = [];
  for (let number = 0; number < servers.length; number += 1) {
    let stands = standing(number);
    if (stands === TAKES && isListed(list, number, isBetter)) {
      stands = VERDICTS.indexOf(objection(servers[number] as FleetServer, wish, matcher.meets) ?? 'TAKES');
      if (stands === TAKES) insert(list, number, isBetter);
    }
    counts[stands] = Number(counts[stands]) + 1;
  }
  return { best: list.map((number) => servers[number] as FleetServer), turnedDown: named(counts) };
}

/** Asks servers whose answers are not remembered, so that they are. */
function remind({ answers, meets }: Matcher, servers: Columns['servers'], most: number): void {
  if (answers === undefined) return;
  let asked = 0;
  for (let number = 0; number < servers.length && asked < most; number += 1) {
    const server = servers[number];
    if (answers[number] !== UNKNOWN || server === undefined) continue;
    meets(server);
    asked += 1;
  }
}

/** How a server stands, for all that can be said without touching it: a place in VERDICTS, and NO_SERVER where that is nothing. */
function createStanding(fleet: Fleet, wish: CandidateWish, { answers }: Matcher): (number: number) => number {
  const says = fleet.columns.verdicts[wish.sessionType];
  const tried = new Set(wish.except?.map((id) => fleet.get(id)?.number));
  return (number) => {
    const verdict = says[number] as number;
    if (verdict === NO_SERVER) return NO_SERVER;
    const answer = answers === undefined ? YES : answers[number];
    if (answer === NO) return REQUIREMENTS_NOT_MET;
    if (verdict === TAKES) return TAKES;
    if (answer === UNKNOWN) return NO_SERVER;
    return tried.has(number) ? ALREADY_TRIED : verdict;
  };
}

function named(counts: Uint32Array): Look['turnedDown'] {
  const reasons = VERDICTS.flatMap((verdict, place) => (place > TAKES && counts[place] ? [[verdict, counts[place]]] : []));
  return Object.fromEntries(reasons);
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

function isListed(list: readonly number[], number: number, isBetter: IsBetter): boolean {
  return list.length < MAX_CANDIDATES || isBetter(number, list[MAX_CANDIDATES - 1] as number);
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
