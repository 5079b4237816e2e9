/** In which order servers are asked. A policy compares two servers that could both take the session; the better one sorts first. */
import type { SessionType } from '../session/events.ts';
import type { Columns } from './columns.ts';

/** Compares the servers of two numbers. Negative: `a` is better; 0: as good as each other, and chance decides. */
export type Compare = (columns: Columns, a: number, b: number) => number;

export const POLICY_NAMES = ['least-loaded', 'pack'] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

/** What each policy does for each type of session. */
export const POLICIES: Readonly<Record<PolicyName, Readonly<Record<SessionType, Compare>>>> = {
  /**
   * Virtual: most free slots, then fewest sessions (which tells servers without a limit apart). Console: it takes all slots of its server,
   * so the server that has fewest to lose. Then, for both: least CPU load per CPU, least used share of memory.
   */
  'least-loaded': {
    VIRTUAL: (columns, a, b) => order(columns.free, b, a) || order(columns.sessions, a, b) || byLoad(columns, a, b),
    CONSOLE: (columns, a, b) => order(columns.free, a, b) || byLoad(columns, a, b),
  },
  /**
   * One server is filled before the next, for fleets that shrink when they can. Virtual: a server in use before an empty one, then fewest
   * free slots, then most sessions. Console: it needs an empty server, so the one that would hold fewest virtual sessions. Equals come in
   * a fixed order and not by chance: what was empty yesterday is empty today, and can be taken away.
   */
  pack: {
    VIRTUAL: (columns, a, b) =>
      byUse(columns, a, b) || order(columns.free, a, b) || order(columns.sessions, b, a) || byNumber(columns, a, b),
    CONSOLE: (columns, a, b) => order(columns.free, a, b) || byNumber(columns, a, b),
  },
};

function byLoad({ cpuLoad, memoryShare }: Columns, a: number, b: number): number {
  return order(cpuLoad, a, b) || order(memoryShare, a, b);
}

/** Servers that hold a session come first. */
function byUse({ sessions }: Columns, a: number, b: number): number {
  return Number(sessions[a] === 0) - Number(sessions[b] === 0);
}

const byNumber: Compare = (_, a, b) => a - b;

/** Not a subtraction: infinite minus infinite is not a number. */
function order(column: Float64Array, a: number, b: number): number {
  const left = Number(column[a]);
  const right = Number(column[b]);
  return left < right ? -1 : Number(left > right);
}
