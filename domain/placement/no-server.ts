/** Why no server takes a session, in one sentence for the API's user. */
import type { Candidates } from './candidates.ts';
import type { TurnedDown } from './objection.ts';

/** The sentence that the original says, and why: what holds for most servers comes first. */
export function noServerReason({ considered, turnedDown, ordered }: Candidates): string {
  if (considered === 0) return 'No DCV server found for the given criteria; there is no server yet.';
  const counts = REASONS.flatMap(([code, text]) => (turnedDown[code] === undefined ? [] : [{ count: turnedDown[code], text }]));
  if (ordered.length > 0) counts.push({ count: ordered.length, text: 'taken by others meanwhile' });
  const why = counts.sort((a, b) => b.count - a.count).map(({ count, text }) => `${count} ${text}`);
  return `No DCV server found for the given criteria; ${considered} ${considered === 1 ? 'server' : 'servers'} considered: ${why.join(', ')}.`;
}

/** Of equal counts, in this order. */
const REASONS: readonly (readonly [TurnedDown, string])[] = [
  ['REQUIREMENTS_NOT_MET', 'not meeting the requirements'],
  ['SESSION_TYPE_NOT_SUPPORTED', 'not supporting the session type'],
  ['SERVER_FULL', 'full'],
  ['SERVER_CLOSED', 'closed'],
  ['UNREACHABLE_AGENT', 'unreachable'],
  ['UNHEALTHY_DCV_SERVER', 'unhealthy'],
  ['SESSION_TYPE_CONFLICT', 'holding virtual sessions'],
  ['EXISTING_LOGGED_IN_USER', 'with a user logged in'],
  ['OWNER_LIMIT_REACHED', 'at the limit of sessions of this owner'],
  ['ALREADY_TRIED', 'where it failed before'],
];
