/**
 * In which order servers are asked. A policy names what is compared, column after column, among servers that could all take the session; only
 * where they are equal in one does the next one count.
 */
import type { SessionType } from '../session/events.ts';
import type { Columns } from './columns.ts';

export const POLICY_NAMES = ['least-loaded', 'pack'] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

type Compared = 'free' | 'sessions' | 'inUse' | 'cpuLoad' | 'memoryShare';

interface Key {
  readonly column: Compared;
  /** 1 where the least is best, -1 where the most is. */
  readonly sign: 1 | -1;
}

interface Policy extends Readonly<Record<SessionType, readonly Key[]>> {
  /** Equals come by chance, each with the same one; otherwise always in the same order. */
  readonly isFair: boolean;
}

const least = (column: Compared): Key => ({ column, sign: 1 });
const most = (column: Compared): Key => ({ column, sign: -1 });

const POLICIES: Readonly<Record<PolicyName, Policy>> = {
  /**
   * Virtual: most free slots, then fewest sessions (which tells servers without a limit apart). Console: it takes all slots of its server,
   * so the server that has fewest to lose. Then, for both: least CPU load per CPU, least used share of memory.
   */
  'least-loaded': {
    VIRTUAL: [most('free'), least('sessions'), least('cpuLoad'), least('memoryShare')],
    CONSOLE: [least('free'), least('cpuLoad'), least('memoryShare')],
    isFair: true,
  },
  /**
   * One server is filled before the next, for fleets that shrink when they can. Virtual: a server in use before an empty one, then fewest
   * free slots, then most sessions. Console: it needs an empty server, so the one that would hold fewest virtual sessions. Equals come in
   * a fixed order and not by chance: what was empty yesterday is empty today, and can be taken away.
   */
  pack: {
    VIRTUAL: [most('inUse'), least('free'), most('sessions')],
    CONSOLE: [least('free')],
    isFair: false,
  },
};

/** Whether the server of one number is to be asked before that of another. */
export type IsBetter = (a: number, b: number) => boolean;

/**
 * An order without ties, for one decision. `chance`: at least 0, below 1. Among equals each draws a lot that is made from it, because
 * asking a generator ten thousand times would cost more than the decision.
 */
export function ranking(columns: Columns, policy: PolicyName, sessionType: SessionType, chance: number): IsBetter {
  const keys = POLICIES[policy][sessionType].map(({ column, sign }) => ({ values: columns[column], sign }));
  const seed = Math.floor(chance * 2 ** 32);
  const { isFair } = POLICIES[policy];
  return (a, b) => {
    for (const { values, sign } of keys) {
      const left = values[a] as number;
      const right = values[b] as number;
      if (left !== right) return left < right === sign > 0;
    }
    return isFair ? lot(seed, a) < lot(seed, b) : a < b;
  };
}

/** A number that looks random for each seed and server: the finishing mix of MurmurHash3, 32 bits. */
function lot(seed: number, number: number): number {
  let mixed = seed ^ Math.imul(number + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
