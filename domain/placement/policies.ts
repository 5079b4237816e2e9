/** In which order servers are asked. A policy compares two servers that could both take the session; the better one sorts first. */
import { freeSlots } from '../server/capacity.ts';
import type { SessionType } from '../session/events.ts';
import type { FleetServer } from './fleet.ts';

/** Negative: `a` is better; 0: as good as each other, and chance decides. */
export type Compare = (a: FleetServer, b: FleetServer) => number;

export type PolicyName = 'least-loaded';

/** What each policy does for each type of session. */
export const POLICIES: Readonly<Record<PolicyName, Readonly<Record<SessionType, Compare>>>> = {
  /**
   * Virtual: most free slots, then fewest sessions (which tells servers without a limit apart). Console: it takes all slots of its server,
   * so the server that has fewest to lose. Then, for both: least CPU load per CPU, least used share of memory.
   */
  'least-loaded': {
    VIRTUAL: (a, b) => order(freeSlots(b), freeSlots(a)) || order(a.virtual, b.virtual) || byLoad(a, b),
    CONSOLE: (a, b) => order(freeSlots(a), freeSlots(b)) || byLoad(a, b),
  },
};

function byLoad(a: FleetServer, b: FleetServer): number {
  return order(cpuLoad(a), cpuLoad(b)) || order(memoryShare(a), memoryShare(b));
}

/** Not a subtraction: infinite minus infinite is not a number. */
function order(a: number, b: number): number {
  return a < b ? -1 : Number(a > b);
}

/** Runnable processes per CPU over the last minute; a server that has not told comes after those that have. */
function cpuLoad({ telemetry, description }: FleetServer): number {
  return share(telemetry?.cpuLoadAverage[0], description?.cpu.numberOfCpus);
}

function memoryShare({ telemetry, description }: FleetServer): number {
  return share(telemetry?.memoryUsedBytes, description?.memoryTotalBytes);
}

function share(part: number | undefined, whole: number | undefined): number {
  return part === undefined || whole === undefined || whole <= 0 ? Number.POSITIVE_INFINITY : part / whole;
}
