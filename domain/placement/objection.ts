/** What speaks against placing a session on a server, as the fleet index knows it. The server's actor has the last word. */
import type { ServerId } from '../ids.ts';
import type { CapacityCode, SlotWish } from '../server/capacity.ts';
import { judge } from '../server/capacity.ts';
import type { SessionType } from '../session/events.ts';
import type { FleetServer } from './fleet-server.ts';
import type { Requirement } from './predicate.ts';

export interface CandidateWish extends SlotWish {
  readonly requirement: Requirement;
  /** Where it failed before. */
  readonly except?: readonly ServerId[] | undefined;
}

/** Why a server is out of the question. */
export type TurnedDown = CapacityCode | 'REQUIREMENTS_NOT_MET' | 'ALREADY_TRIED';

/** All that can be said of a place in the fleet, as numbers: small enough for an array of bytes. */
export const VERDICTS = [
  'NO_SERVER',
  'TAKES',
  'REQUIREMENTS_NOT_MET',
  'ALREADY_TRIED',
  'SESSION_TYPE_NOT_SUPPORTED',
  'SERVER_CLOSED',
  'UNREACHABLE_AGENT',
  'UNHEALTHY_DCV_SERVER',
  'SERVER_FULL',
  'SESSION_TYPE_CONFLICT',
  'EXISTING_LOGGED_IN_USER',
  'OWNER_LIMIT_REACHED',
] as const satisfies readonly (TurnedDown | 'NO_SERVER' | 'TAKES')[];
export const NO_SERVER = 0;
export const TAKES = 1;
export const REQUIREMENTS_NOT_MET = 2;
export const ALREADY_TRIED = 3;

/** What a server says to a session of the type, the cap on one owner's sessions aside: a place in VERDICTS. */
export function verdictOn(server: FleetServer, sessionType: SessionType): number {
  return VERDICTS.indexOf(judge(server, SOMEBODY[sessionType], ownsNone) ?? 'TAKES');
}

/** Whether it takes any session at all, of some type and owner. */
export function hasRoom(server: FleetServer): boolean {
  return verdictOn(server, 'VIRTUAL') === TAKES || verdictOn(server, 'CONSOLE') === TAKES;
}

/** What somebody wants who has no session anywhere. */
const SOMEBODY = { VIRTUAL: { sessionType: 'VIRTUAL', owner: '' }, CONSOLE: { sessionType: 'CONSOLE', owner: '' } } as const;

/** Who owns how much is left to the decision. A server that allows no owner anything takes nothing. */
const ownsNone = (): number => 0;

/**
 * Undefined: nothing speaks against it. The requirement comes first, so that the user hears about the servers that were meant, and why
 * those do not do.
 */
export function objection(server: FleetServer, wish: CandidateWish, meets: (server: FleetServer) => boolean): TurnedDown | undefined {
  if (!meets(server)) return 'REQUIREMENTS_NOT_MET';
  if (wish.except?.includes(server.id)) return 'ALREADY_TRIED';
  return judge(server, wish, countOwned);
}

function countOwned(server: FleetServer, owner: string): number {
  let owned = 0;
  for (const slot of server.slots.values()) if (slot.owner === owner) owned += 1;
  for (const slot of server.asked.values()) if (slot.owner === owner) owned += 1;
  return owned;
}
