/**
 * Whether somebody may enter a session: what the broker answers to the DCV server at whose door they are, with a connection token. The signature says who
 * and for which session, the actor of the session whether it is there to be entered.
 */
import type { Origin } from '../domain/facts.ts';
import { type ServerId, type SessionId, sessionId } from '../domain/ids.ts';
import type { Fleet } from '../domain/placement/fleet.ts';
import type { ServerDescription } from '../domain/server/events.ts';
import type { Sessions } from '../domain/session/actor.ts';
import type { SessionSnapshot } from '../domain/session/machine.ts';
import type { Tokens } from './tokens.ts';

/** What a DCV server asks. */
export interface Knock {
  /** As that server calls it, which need not be how we do. */
  readonly localId: string;
  readonly token: string;
  /** Where the question comes from; undefined where that is not known. */
  readonly address: string | undefined;
}

/** Whom the token is of, once that is proven. */
export interface Known {
  readonly user: string;
  readonly sessionId: SessionId;
}

export type Admission =
  | { readonly admitted: Known }
  /** For the audit; nobody at the door is told why. */
  | { readonly refused: { readonly code: string; readonly reason: string }; readonly known?: Known };

/** Throws LogFault or LogBusyError where the log cannot be asked. */
export type Admit = (knock: Knock, origin: Origin) => Promise<Admission>;

export interface AdmissionPorts {
  readonly tokens: Pick<Tokens, 'verifyConnectionToken'>;
  readonly sessions: Pick<Sessions, 'execute'>;
  readonly fleet: Pick<Fleet, 'values'>;
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number;
}

export function createAdmission({ tokens, sessions, fleet, now }: AdmissionPorts): Admit {
  return async ({ localId, token, address }, origin) => {
    const verdict = await tokens.verifyConnectionToken(token, now());
    if ('refused' in verdict) return { refused: TOKEN_REFUSALS[verdict.refused] };
    const { creationTime, user } = verdict.valid;
    const known: Known = { user, sessionId: sessionId(verdict.valid.sessionId) };
    const outcome = await sessions.execute(known.sessionId, { type: 'admit', creationTime }, origin);
    if ('rejected' in outcome) return { refused: outcome.rejected, known };
    const { context } = outcome.snapshot;
    if (localId !== (context.localId ?? known.sessionId)) return { refused: OTHER_SESSION, known };
    return isElsewhere(context, serversAt(fleet, address)) ? { refused: OTHER_HOST, known } : { admitted: known };
  };
}

const TOKEN_REFUSALS = {
  invalid: { code: 'INVALID_TOKEN', reason: 'The connection token is not valid.' },
  expired: { code: 'EXPIRED_TOKEN', reason: 'The connection token has expired.' },
} as const;
const OTHER_SESSION = { code: 'OTHER_SESSION', reason: 'The connection token is for another session.' };
const OTHER_HOST = { code: 'OTHER_HOST', reason: 'The connection token is for a session of this name on another host.' };

/**
 * What we name has one name in the whole fleet. A session made by hand (`console`) may have namesakes on other hosts, and only the address of the question
 * tells these apart: it counts where it is one that servers of the fleet go by, and says nothing where it is that of a router between us.
 */
const isElsewhere = ({ attempt, serverId }: SessionSnapshot['context'], asking: ReadonlySet<ServerId | null>): boolean =>
  attempt === 0 && asking.size > 0 && !asking.has(serverId);

function serversAt(fleet: Pick<Fleet, 'values'>, address: string | undefined): ReadonlySet<ServerId | null> {
  const found = new Set<ServerId>();
  // How a socket that takes both kinds writes an address of the older one.
  const plain = address?.replace(/^::ffff:(?=[\d.]+$)/i, '');
  for (const { id, description } of fleet.values()) if (description !== undefined && goesBy(description, plain)) found.add(id);
  return found;
}

const goesBy = ({ ip, endpoints }: ServerDescription, address: string | undefined): boolean =>
  address !== undefined && (ip === address || endpoints.some(({ ipAddress }) => ipAddress === address));
