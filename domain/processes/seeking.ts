/** One session looking for a server: candidates are asked in order, and the first that gives a slot has the session. */
import type { Origin } from '../facts.ts';
import type { ServerId, SessionId } from '../ids.ts';
import { candidates } from '../placement/candidates.ts';
import type { Fleet } from '../placement/fleet.ts';
import { noServerReason } from '../placement/no-server.ts';
import type { Waiting } from '../placement/queue.ts';
import { ANY_SERVER, compileRequirement } from '../placement/requirements.ts';
import type { Random } from '../ports/clock.ts';
import type { Servers } from '../server/actor.ts';
import type { Sessions } from '../session/actor.ts';
import type { PlacementWish, SessionSpec } from '../session/events.ts';
import type { SessionSnapshot } from '../session/machine.ts';
import { release } from './releasing.ts';

export interface SeekingPorts {
  readonly sessions: Sessions;
  readonly servers: Servers;
  readonly fleet: Fleet;
  readonly random: Random;
}

/** One session that looks for a server. */
export interface Job extends Waiting {
  readonly wish: SessionSpec & PlacementWish;
  readonly attempt: number;
  readonly tried: readonly ServerId[];
  readonly origin: Origin;
  /** Its client has been told that it will be made, now or later: too late to refuse it. */
  readonly isAcknowledged: boolean;
  /** Why the attempt before failed; absent at the first. */
  readonly failure?: string | undefined;
  /** The server that was asked for a slot last and has not said no: after a fault it is asked again first, so that no slot is forgotten. */
  asked?: ServerId | undefined;
}

/** `gone`: it is not wanted any more. `none`: nobody can take it, with a sentence for the API's user. */
export type Found = { readonly outcome: 'placed' | 'gone' } | { readonly outcome: 'none'; readonly reason: string };

/** Looks at the fleet anew when every candidate turned out to be taken. */
const ROUNDS = 3;

export async function seek(ports: SeekingPorts, job: Job): Promise<Found> {
  const compiled = compileRequirement(job.wish.requirements);
  const requirement = 'requirement' in compiled ? compiled.requirement : ANY_SERVER;
  const { sessionType, owner } = job.wish;
  if (job.asked !== undefined && (await reserve(ports, job, job.asked))) return settle(ports, job, job.asked);
  for (let round = 1; ; round += 1) {
    const found = candidates(ports.fleet, { sessionType, owner, requirement, except: job.tried }, ports.random);
    for (const serverId of found.ordered) {
      if (await reserve(ports, job, serverId)) return settle(ports, job, serverId);
    }
    if (found.ordered.length === 0 || round === ROUNDS) return { outcome: 'none', reason: noServerReason(found) };
  }
}

async function reserve({ fleet, servers }: SeekingPorts, job: Job, serverId: ServerId): Promise<boolean> {
  const { sessionId, attempt, origin } = job;
  const { sessionType, owner } = job.wish;
  job.asked = serverId;
  fleet.noteReservation(serverId, sessionId, { sessionType, owner });
  const outcome = await servers.execute(serverId, { type: 'reserve', sessionId, sessionType, owner, attempt }, origin);
  if (!('rejected' in outcome)) return true;
  fleet.withdraw(serverId, sessionId);
  job.asked = undefined;
  return false;
}

/** The slot is held. A session that was deleted meanwhile gives it back. */
async function settle({ sessions, servers }: SeekingPorts, job: Job, serverId: ServerId): Promise<Found> {
  const { sessionId, attempt, origin } = job;
  const outcome = await sessions.execute(sessionId, { type: 'place', serverId, attempt }, origin);
  if (!('rejected' in outcome)) return { outcome: 'placed' };
  await servers.execute(serverId, release(sessionId), origin);
  return { outcome: 'gone' };
}

export function job(sessionId: SessionId, rest: Omit<Job, 'sessionId' | 'kind'>): Job {
  const { sessionType, requirements, owner } = rest.wish;
  return { ...rest, sessionId, kind: JSON.stringify([sessionType, requirements ?? '', owner]) };
}

/** A session that still looks for a server, from its state; undefined when it does not any more. */
export function jobOf(id: SessionId, { value, context }: SessionSnapshot, queueMs: number, origin: Origin): Job | undefined {
  if (value !== 'placing' || context.spec === null) return undefined;
  const { spec, wish, attempt, tried, creationTime } = context;
  const isAcknowledged = wish.enqueue || attempt > 0;
  const failure = context.reason === '' ? undefined : context.reason;
  const deadline = creationTime + queueMs;
  return job(id, { wish: { ...spec, ...wish }, attempt: attempt + 1, tried, origin, deadline, isAcknowledged, failure });
}
