/**
 * Which servers to ask for a slot, best first, and why not the others. One pass over the fleet, remembering only the best few: asking
 * them is up to the caller, and the server's actor decides. The pass ranks before it asks what costs more, so that of ten thousand
 * servers only a few are touched.
 */
import type { ServerId } from '../ids.ts';
import type { Random } from '../ports/clock.ts';
import type { Fleet } from './fleet.ts';
import type { FleetServer } from './fleet-server.ts';
import type { CandidateWish, TurnedDown } from './objection.ts';
import { ALREADY_TRIED, NO_SERVER, objection, REQUIREMENTS_NOT_MET, TAKES, VERDICTS } from './objection.ts';
import type { IsBetter, PolicyName } from './policies.ts';
import { ranking } from './policies.ts';

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
  const decision = { fleet, wish, isBetter: ranking(fleet.columns, policy, wish.sessionType, random.fraction()) };
  const first = look(decision, MOST_ASKED);
  const { best, turnedDown } = first.best.length > 0 || first.isComplete ? first : look(decision, Number.POSITIVE_INFINITY);
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
  /** Where nobody was found, every server was counted. */
  readonly isComplete: boolean;
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
  if (server === undefined) return { best: [], turnedDown, isComplete: true };
  const why = objection(server, wish, fleet.matcher(wish.requirement).meets);
  if (why === undefined) return { best: [server], turnedDown, isComplete: true };
  return { best: [], turnedDown: { ...turnedDown, [why]: (turnedDown[why] ?? 0) + 1 }, isComplete: true };
}

/** Whoever would not make the list is not touched, up to `mostAsked` servers whose answer to the requirement is not remembered. */
function lookAtAll({ fleet, wish, isBetter }: Decision, mostAsked: number): Look {
  const { verdicts, servers } = fleet.columns;
  const verdict = verdicts[wish.sessionType];
  const { possible, ruledOut, isComplete, isSure, meets } = fleet.matcher(wish.requirement, mostAsked);
  const tried = new Set(wish.except?.map((id) => fleet.get(id)?.number));
  const counts = new Uint32Array(VERDICTS.length);
  counts[REQUIREMENTS_NOT_MET] = ruledOut;
  const list: number[] = [];
  for (const number of possible) {
    let stands = verdict[number] as number;
    if (stands === TAKES && isListed(list, number, isBetter)) {
      stands = VERDICTS.indexOf(objection(servers[number] as FleetServer, wish, meets) ?? 'TAKES');
      if (stands === TAKES) insert(list, number, isBetter);
    } else if (stands > TAKES) {
      stands = standing(stands, isSure(number), tried.has(number));
    }
    counts[stands] = Number(counts[stands]) + 1;
  }
  return { best: list.map((number) => servers[number] as FleetServer), turnedDown: named(counts), isComplete };
}

/** Of a server that takes nobody: as which it is counted. */
function standing(verdict: number, isSure: boolean, isTried: boolean): number {
  if (!isSure) return NO_SERVER;
  return isTried ? ALREADY_TRIED : verdict;
}

function named(counts: Uint32Array): Look['turnedDown'] {
  const reasons = VERDICTS.flatMap((verdict, place) => (place > TAKES && counts[place] ? [[verdict, counts[place]]] : []));
  return Object.fromEntries(reasons);
}

function isListed(list: readonly number[], number: number, isBetter: IsBetter): boolean {
  return list.length < MAX_CANDIDATES || isBetter(number, list[MAX_CANDIDATES - 1] as number);
}

function insert(list: number[], number: number, isBetter: IsBetter): void {
  const place = list.findIndex((other) => isBetter(number, other));
  list.splice(place === -1 ? list.length : place, 0, number);
  list.length = Math.min(list.length, MAX_CANDIDATES);
}
