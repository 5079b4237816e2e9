/**
 * Keeps what was refused, and who was let in: whoever turns an attempt down says so here and goes on. Nobody can flood the log or the memory with attempts: beyond what is
 * allowed (allowance.ts) they are only counted, and one fact says how many there were.
 */
import type { AttemptEvent, Login, RefusedAttempt } from '../../domain/attempt/events.ts';
import type { Cause, Origin } from '../../domain/facts.ts';
import { type BrokerId, factId, requestId } from '../../domain/ids.ts';
import type { Clock, Random, Timer } from '../../domain/ports/clock.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import type { Logger } from '../logging.ts';
import { type AllowanceLimits, createAllowance } from './allowance.ts';
import { type AttemptFact, createAttemptWriter } from './attempt-writer.ts';
import { createOmissions, omissionOf } from './omissions.ts';

export interface Attempts {
  /** `origin`: who it was, if that was proven; of strangers, the door they came to. Never throws, and nobody waits for it. */
  refused(attempt: RefusedAttempt, origin: Origin): void;
}

export interface Logins {
  /** Somebody was let in. Never throws either. */
  accepted(login: Login, origin: Origin): void;
}

export interface AttemptKeeper extends Attempts, Logins {
  /** Resolves when what was refused so far is in the log, or given up. */
  idle(): Promise<void>;
  /** Also says how many were only counted. What comes later is not recorded. */
  stop(): Promise<void>;
}

export interface AttemptLimits {
  /** Of those whose identity was proven, and of those who may be anyone: a flood of the latter leaves the former what is theirs. */
  readonly known: AllowanceLimits;
  readonly strangers: AllowanceLimits;
  /** Of logins: of one user at one session, and of all. */
  readonly logins: AllowanceLimits;
  /** Facts that wait for the log. */
  readonly waiting: number;
  /** How long attempts that are not recorded are counted before a fact says how many. */
  readonly countingMs: number;
}

/** A batch of 1,000 items is recorded whole; strangers come to some 90,000 facts a day at worst, or 50 MB. */
const ATTEMPT_LIMITS: AttemptLimits = {
  known: { each: { burst: 1000, perMinute: 60 }, all: { burst: 5000, perMinute: 300 }, sources: 1000 },
  strangers: { each: { burst: 60, perMinute: 10 }, all: { burst: 600, perMinute: 60 }, sources: 1000 },
  logins: { each: { burst: 20, perMinute: 2 }, all: { burst: 5000, perMinute: 600 }, sources: 10_000 },
  waiting: 5000,
  countingMs: 10_000,
};

export interface AttemptPorts {
  readonly log: EventLog;
  /** Each broker writes to streams of its own. */
  readonly self: BrokerId;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Pick<Logger, 'error'>;
}

/** What a login that is not recorded is counted as. */
const ACCEPTED = 'LOGIN_ACCEPTED';
/** Who says how many were not recorded. */
const COUNTING: Cause = { kind: 'broker', id: 'attempts' };

export function createAttempts(ports: AttemptPorts, limits: AttemptLimits = ATTEMPT_LIMITS): AttemptKeeper {
  const { clock, random } = ports;
  const known = createAllowance(limits.known);
  const strangers = createAllowance(limits.strangers);
  const logins = createAllowance(limits.logins);
  const omissions = createOmissions();
  const writer = createAttemptWriter({ ...ports, lost: (facts) => facts.map(omit) });
  let counting: Timer | undefined;
  let stopped = false;

  function record(event: AttemptEvent, { cause, requestId }: Origin): void {
    writer.add({ ...event, cause, requestId, id: factId(random.uuid()), schemaVersion: 1, time: clock.now() });
  }

  function omit({ data, time }: Pick<AttemptFact, 'data' | 'time'>): void {
    if ('count' in data) omissions.add(data);
    else omissions.add(omissionOf('code' in data ? data.code : ACCEPTED, time));
    if (!stopped) counting ??= clock.after(limits.countingMs, tell);
  }

  function tell(): void {
    counting = undefined;
    const data = omissions.take();
    if (data !== undefined) record({ type: 'attempt.omitted', data }, { cause: COUNTING, requestId: requestId(random.uuid()) });
  }

  function isAllowed({ remoteAddress = '' }: Pick<RefusedAttempt, 'remoteAddress'>, { cause }: Origin): boolean {
    if (writer.waiting() >= limits.waiting) return false;
    return cause.kind === 'broker' ? strangers.take(remoteAddress, clock.now()) : known.take(cause.id, clock.now());
  }

  return {
    refused(attempt, origin) {
      if (stopped) return;
      if (isAllowed(attempt, origin)) record({ type: 'attempt.refused', data: bounded(attempt) }, origin);
      else omit({ data: attempt, time: clock.now() });
    },
    accepted(login, origin) {
      if (stopped) return;
      // Each token has its own share: a gateway in front of the hosts has one address for everyone.
      if (writer.waiting() < limits.waiting && logins.take(`${login.target} ${login.user}`, clock.now())) {
        record({ type: 'login.accepted', data: bounded(login) }, origin);
      } else omit({ data: login, time: clock.now() });
    },
    idle: writer.idle,
    async stop() {
      stopped = true;
      counting?.cancel();
      tell();
      await writer.idle();
    },
  };
}

const MAX_TEXT_LENGTH = 300;

/** Nobody decides how long a fact gets. */
function bounded<Attempt extends RefusedAttempt | Login>(attempt: Attempt): Attempt {
  const entries = Object.entries(attempt).map(([name, value]) => [name, typeof value === 'string' ? cut(value) : value]);
  return Object.fromEntries(entries) as Attempt;
}

/** By characters, so that none is halved. */
function cut(text: string): string {
  if (text.length <= MAX_TEXT_LENGTH) return text;
  return `${text.slice(0, MAX_TEXT_LENGTH).replace(/[\ud800-\udbff]$/, '')}…`;
}
