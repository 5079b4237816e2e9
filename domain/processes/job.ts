/** One session that looks for a server: what placing knows of it, whether it is being placed or waits. */
import type { Origin } from '../facts.ts';
import type { ServerId, SessionId } from '../ids.ts';
import type { Waiting } from '../placement/lines.ts';
import type { CandidateWish } from '../placement/objection.ts';
import type { Requirement } from '../placement/predicate.ts';
import { compileRequirement } from '../placement/requirements.ts';
import type { PlacementChoice, PlacementWish, SessionSpec } from '../session/events.ts';
import type { SessionSnapshot } from '../session/machine.ts';

export interface Job extends Waiting {
  readonly wish: SessionSpec & PlacementWish;
  /** The text of the wish, compiled. */
  readonly requirement: Requirement;
  readonly attempt: number;
  /** As it was when this job began: a later one makes its placement void. */
  readonly round: number;
  /** Where it failed before. */
  readonly tried: readonly ServerId[];
  readonly origin: Origin;
  /** Whoever asked for it has been told that it will be made: it waits even where the queue is full. */
  readonly isTold: boolean;
  /** Why the attempt before failed; absent at the first. */
  readonly failure?: string | undefined;
  /** The server that was asked for a slot last and has not said no: after a fault it is asked again first, so that no slot is forgotten. */
  asked?: Asked | undefined;
}

/** A server that is asked for a slot, and how it came to be that one. */
export interface Asked {
  readonly serverId: ServerId;
  readonly choice: PlacementChoice;
}

/** Sections of the queue. Those whose requirement names a server are in a section by its id, since no other server concerns them. */
export const ANY = '';
export const ON_TELEMETRY = 'telemetry';

/** Written by a broker that understood more. Nobody meets it. */
const UNREADABLE: Requirement = { stable: () => false };

export function job(sessionId: SessionId, rest: Omit<Job, 'sessionId' | 'section' | 'group' | 'kind' | 'requirement'>): Job {
  const { sessionType, requirements, owner } = rest.wish;
  const compiled = compileRequirement(requirements);
  const requirement = 'requirement' in compiled ? compiled.requirement : UNREADABLE;
  const group = JSON.stringify([sessionType, requirements ?? '']);
  const kind = JSON.stringify([group, owner, ...rest.tried]);
  return { ...rest, sessionId, requirement, section: sectionOf(requirement), group, kind };
}

/** A session that still looks for a server, from its state; undefined when it does not any more. */
export function jobOf(id: SessionId, { value, context }: SessionSnapshot, queueMs: number, origin: Origin): Job | undefined {
  if (value !== 'placing' || context.spec === null) return undefined;
  const { spec, wish, attempt, tried, creationTime, isTold, round } = context;
  const failure = context.reason === '' ? undefined : context.reason;
  const deadline = creationTime + queueMs;
  return job(id, { wish: { ...spec, ...wish }, attempt: attempt + 1, tried, origin, deadline, isTold, round, failure });
}

export function wishOf({ wish: { sessionType, owner }, requirement, tried }: Job): CandidateWish {
  return { sessionType, owner, requirement, except: tried };
}

function sectionOf({ volatile, only }: Requirement): string {
  return volatile === undefined ? (only ?? ANY) : ON_TELEMETRY;
}
