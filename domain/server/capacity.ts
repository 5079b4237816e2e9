/**
 * What a server can hold: the one rule behind the server's own decision, the fleet index and the availability that DescribeServers
 * shows. Windows and macOS hold one console session. Linux holds one console session or virtual ones, never both at a time, as
 * the DCV administrator guide says. On top of that comes a cap on the sessions of one owner, whatever their type.
 */
import type { SessionType } from '../session/events.ts';

/** One place taken on a server. `attempt` is 0 for a session that was found on the host. */
export interface Slot {
  readonly sessionId: string;
  readonly sessionType: SessionType;
  readonly owner: string;
  readonly attempt: number;
}

/**
 * In the order in which they were taken. A list, because every reservation copies it: with a hundred slots in 0.4 µs, where a record by
 * session id takes 39, and finding one in it takes 3 µs at most.
 */
export type Slots = readonly Slot[];

/** What decides whether a server takes sessions at all, and how many. */
export interface Conditions {
  /** `linux`, `windows` or `macos`; empty until the server has been described, and then it takes nothing. */
  readonly osFamily: string;
  /** Slots for virtual sessions; -1 is no limit. Only Linux has any. */
  readonly maxVirtualSessions: number;
  /** Sessions of one owner at a time; -1 is no limit. */
  readonly maxSessionsPerOwner: number;
  readonly open: boolean;
  readonly reachable: boolean;
  readonly healthy: boolean;
  /** Users on the host outside DCV. */
  readonly loggedInUsers: readonly string[];
}

/** The conditions and every slot: plain JSON, the context of the server's machine. */
export interface ServerCapacity extends Conditions {
  readonly slots: Slots;
}

/** How full a server is. */
export interface Occupancy {
  readonly console: number;
  readonly virtual: number;
}

export interface SlotWish {
  readonly sessionType: SessionType;
  readonly owner: string;
}

/** Why a server takes nobody, in the words of the wire. */
export type UnavailabilityReason =
  | 'SERVER_CLOSED'
  | 'UNREACHABLE_AGENT'
  | 'UNHEALTHY_DCV_SERVER'
  | 'SERVER_FULL'
  | 'EXISTING_LOGGED_IN_USER';

/** Why it does not take this one session. */
export type CapacityCode = UnavailabilityReason | 'SESSION_TYPE_NOT_SUPPORTED' | 'SESSION_TYPE_CONFLICT' | 'OWNER_LIMIT_REACHED';

export type Verdict = { readonly ok: true } | { readonly ok: false; readonly code: CapacityCode; readonly reason: string };

/** What a server is before it said anything about itself. It is open: nobody has to open a new server (as with the original broker). */
export const UNDESCRIBED: ServerCapacity = {
  osFamily: '',
  maxVirtualSessions: 0,
  maxSessionsPerOwner: -1,
  open: true,
  reachable: true,
  healthy: true,
  loggedInUsers: [],
  slots: [],
};

/** The server's own decision. It walks its slots; whoever keeps counts asks `judge` instead. */
export function canTake(server: ServerCapacity, wish: SlotWish): Verdict {
  const code = judge({ ...server, ...occupancy(server.slots) }, wish, countOwner);
  return code === undefined ? { ok: true } : { ok: false, code, reason: SENTENCES[code] };
}

/**
 * The rule itself: undefined is yes. What can never be comes before what is not so now: no Windows server is called full to somebody who
 * wants a virtual session. `owned` (how many sessions the owner has there) is called last, and only where a cap is set.
 */
export function judge<S extends Conditions & Occupancy>(
  server: S,
  wish: SlotWish,
  owned: (server: S, owner: string) => number,
): CapacityCode | undefined {
  if (wish.sessionType === 'VIRTUAL' && holdsNoVirtual(server)) return 'SESSION_TYPE_NOT_SUPPORTED';
  const unavailable = unavailability(server);
  if (unavailable !== undefined) return unavailable;
  if (wish.sessionType === 'CONSOLE' && server.virtual > 0) return 'SESSION_TYPE_CONFLICT';
  if (server.maxSessionsPerOwner >= 0 && owned(server, wish.owner) >= server.maxSessionsPerOwner) return 'OWNER_LIMIT_REACHED';
  return undefined;
}

/** Of a server that has said what it is. */
function holdsNoVirtual({ osFamily, maxVirtualSessions }: Conditions): boolean {
  return osFamily !== '' && (osFamily !== 'linux' || maxVirtualSessions === 0);
}

/**
 * The one reason to show where several hold; undefined is AVAILABLE. What somebody decided comes first, then what hides the rest: a
 * closed server reads SERVER_CLOSED even when it is down for the repair it was closed for, and nothing else is known of an
 * unreachable one. SERVER_FULL comes before EXISTING_LOGGED_IN_USER because the user who is logged in is then the session's own.
 */
export function unavailability(server: Conditions & Occupancy): UnavailabilityReason | undefined {
  if (!server.open) return 'SERVER_CLOSED';
  if (!server.reachable || server.osFamily === '') return 'UNREACHABLE_AGENT';
  if (!server.healthy) return 'UNHEALTHY_DCV_SERVER';
  if (freeSlots(server) === 0) return 'SERVER_FULL';
  if (server.osFamily === 'windows' && server.loggedInUsers.length > 0) return 'EXISTING_LOGGED_IN_USER';
  return undefined;
}

/** How many more sessions fit, of the type that fits most; Infinity where virtual sessions have no limit. */
export function freeSlots(server: Conditions & Occupancy): number {
  if (server.console > 0) return 0;
  if (server.osFamily !== 'linux') return server.virtual > 0 ? 0 : 1;
  const virtual = server.maxVirtualSessions < 0 ? Number.POSITIVE_INFINITY : Math.max(0, server.maxVirtualSessions - server.virtual);
  return server.virtual > 0 ? virtual : Math.max(1, virtual);
}

export function occupancy(slots: Slots): Occupancy {
  let console = 0;
  let virtual = 0;
  for (const slot of slots) {
    if (slot.sessionType === 'CONSOLE') console += 1;
    else virtual += 1;
  }
  return { console, virtual };
}

export function slotOf(slots: Slots, sessionId: string): Slot | undefined {
  return slots.find((slot) => slot.sessionId === sessionId);
}

export function withSlot(slots: Slots, slot: Slot): Slots {
  return [...slots, slot];
}

export function withoutSlot(slots: Slots, sessionId: string): Slots {
  return slots.filter((slot) => slot.sessionId !== sessionId);
}

const SENTENCES: Readonly<Record<CapacityCode, string>> = {
  SERVER_CLOSED: 'The server is closed.',
  UNREACHABLE_AGENT: 'The agent of the server cannot be reached.',
  UNHEALTHY_DCV_SERVER: 'The DCV server is not healthy.',
  SERVER_FULL: 'The server is full.',
  EXISTING_LOGGED_IN_USER: 'A user is logged in on the server.',
  SESSION_TYPE_NOT_SUPPORTED: 'The server does not support sessions of this type.',
  SESSION_TYPE_CONFLICT: 'The server holds virtual sessions, and a console session cannot run beside them.',
  OWNER_LIMIT_REACHED: 'The owner has as many sessions on the server as one owner may have.',
};

function countOwner(server: ServerCapacity, owner: string): number {
  let count = 0;
  for (const slot of server.slots) if (slot.owner === owner) count += 1;
  return count;
}
