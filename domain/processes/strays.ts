/**
 * Gives back slots that their sessions do not need, when nobody else did: a leader that lost its lock without noticing may have reserved one late and died
 * before it came to know that its placement was void. Only the leading broker looks for them.
 */
import type { Origin } from '../facts.ts';
import { requestId, type ServerId, type SessionId } from '../ids.ts';
import type { Clock, Random, Timer } from '../ports/clock.ts';
import type { Servers } from '../server/actor.ts';
import type { Sessions } from '../session/actor.ts';
import type { Effects } from './effects.ts';
import { giveBack } from './releasing.ts';

export interface Stray {
  readonly serverId: ServerId;
  readonly sessionId: SessionId;
}

export interface StraysPorts {
  readonly sessions: Sessions;
  readonly servers: Servers;
  readonly effects: Effects;
  readonly clock: Clock;
  readonly random: Random;
  /** Slots of sessions that are over, or not placed on that server, as far as the read models know. */
  find(): Promise<readonly Stray[]>;
}

export interface Strays {
  start(): void;
  stop(): void;
}

const ROUND_MS = 60_000;
/** Given back in a round; a round later come the next. */
const MOST_AT_ONCE = 1_000;

/** Every session that is being placed has such a slot for a moment, so only those count that were there a round ago. */
export function createStrays(ports: StraysPorts): Strays {
  const { sessions, effects, clock, random, find } = ports;
  let seen: ReadonlySet<string> = new Set();
  let round: Timer | undefined;

  /** One that still looks for a server may yet come to this very slot; when it has found one, or none, that is seen in a later round. */
  async function settle({ serverId, sessionId }: Stray): Promise<void> {
    const origin: Origin = { cause: { kind: 'broker', id: 'strays' }, requestId: requestId(random.uuid()) };
    const { value } = await sessions.look(sessionId);
    if (value !== 'placing') await giveBack(ports, serverId, sessionId, origin);
  }

  async function look(): Promise<void> {
    const found = await find();
    const old = found.filter((stray) => seen.has(nameOf(stray)));
    seen = new Set(found.map(nameOf));
    for (const stray of old.slice(0, MOST_AT_ONCE)) await settle(stray);
  }

  function start(): void {
    round = clock.after(ROUND_MS, () => {
      effects.run('looking for slots that nobody needs', look);
      start();
    });
  }

  return { start, stop: () => round?.cancel() };
}

const nameOf = ({ serverId, sessionId }: Stray): string => `${serverId} ${sessionId}`;
