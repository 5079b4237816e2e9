/**
 * Actors: one mailbox, one machine and one stream each. A command is decided from the machine's snapshot, its facts are appended at
 * the expected revision, and only then is anybody told. Idle actors are passivated under a bound and come back from their streams.
 */
import type { AnyStateMachine, SnapshotFrom } from 'xstate';
import type { Decision, Rejection } from './decision.ts';
import { type NewFact, NO_STREAM, type Origin, type Position, type RecordedFact, type Revision, type Statement } from './facts.ts';
import { createFolding, type Folding } from './folding.ts';
import { factId, type StreamName, streamName } from './ids.ts';
import type { Clock, Random } from './ports/clock.ts';
import { type EventLog, LogBusyError, LogFault } from './ports/event-log.ts';
import type { Snapshots } from './ports/snapshots.ts';
import { keep, type Live, moveOn, readOn, rehydrate, unborn } from './rehydration.ts';
import { versionOf } from './shapes.ts';

/** What makes one kind of actor: its category of streams, its machine, and what it decides. */
export interface ActorKind<M extends AnyStateMachine, C, S extends Statement> {
  readonly category: string;
  readonly machine: M;
  decide(snapshot: SnapshotFrom<M>, command: C): Decision<S>;
  /** True where nothing more is expected, so that the actor need not be kept. */
  isOver(snapshot: SnapshotFrom<M>): boolean;
}

/** How a command ended. `facts` is empty where it was done already; `snapshot` is the state after it. */
export type Outcome<M extends AnyStateMachine, S extends Statement> =
  | { readonly facts: readonly NewFact<S>[]; readonly snapshot: SnapshotFrom<M>; readonly position: Position }
  | { readonly rejected: Rejection; readonly snapshot: SnapshotFrom<M> };

/** The same before it is in the log. */
type Verdict<M extends AnyStateMachine, S extends Statement> =
  | { readonly facts: readonly NewFact<S>[]; readonly snapshot: SnapshotFrom<M> }
  | { readonly rejected: Rejection; readonly snapshot: SnapshotFrom<M> };

export interface Actors<M extends AnyStateMachine, C, S extends Statement> {
  /** Resolves when the facts are in the log. Throws LogBusyError when too much is waiting, LogFault when the log is out of reach. */
  execute(id: string, command: C, origin: Origin): Promise<Outcome<M, S>>;
  /** The first command to an actor whose id was made just now: its stream is taken to be empty without reading it. */
  create(id: string, command: C, origin: Origin): Promise<Outcome<M, S>>;
  /** The state of an actor as of its last fact known here; it is behind no fact that was heard, or appended here. */
  look(id: string): Promise<SnapshotFrom<M>>;
  /** On a log that others append to: a fact of an actor's stream, in order, before anyone here acts upon it. An actor in memory moves on by it. */
  heard(id: string, fact: RecordedFact): void;
  /** Actors held in memory. */
  readonly size: number;
}

export interface ActorPorts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly random: Random;
  /** Absent: streams are always read from the beginning. */
  readonly snapshots?: Snapshots | undefined;
}

export interface ActorLimits {
  /** Idle actors kept in memory; about 4 KB each and their context. */
  readonly kept: number;
  /** Commands that may wait for one actor. */
  readonly mailbox: number;
}

export const ACTOR_LIMITS: ActorLimits = { kept: 2_000, mailbox: 2_000 };

/** Commands decided and appended together: a busy actor costs one append a batch, not one a command. Each gives at most 5 facts. */
const BATCH = 64;
/** How often a command is decided anew because somebody else wrote to the stream. */
const MOST_CONFLICTS = 5;
/** How often an append whose outcome is unknown is repeated, with the same ids, before the command fails. */
const MOST_FAULTS = 4;
const FAULT_PAUSE_MS = 50;
/** No append is repeated after this: a log that takes long to fail would keep callers waiting longer than they do. */
const FAULT_PATIENCE_MS = 5_000;

interface Asked<C> {
  readonly command: C;
  readonly origin: Origin;
}

/** One command that waits. */
interface Letter<M extends AnyStateMachine, C, S extends Statement> extends Asked<C> {
  readonly answer: (outcome: Outcome<M, S>) => void;
  readonly fail: (error: unknown) => void;
}

/** What all actors of one kind are made of. */
interface Parts<M extends AnyStateMachine, C, S extends Statement> {
  readonly kind: ActorKind<M, C, S>;
  readonly folding: Folding<M>;
  readonly ports: ActorPorts;
}

interface Mailbox<M extends AnyStateMachine, C, S extends Statement> {
  readonly stream: StreamName;
  letters: Letter<M, C, S>[];
  /** Who waits to see the actor when the batch under way is settled; undefined: it is not in memory then. */
  onlookers: ((snapshot: SnapshotFrom<M> | undefined) => void)[];
  live: Live<M> | undefined;
  isRunning: boolean;
  /** The newest fact that was heard while a batch was under way. */
  heard: Revision;
}

export function createActors<M extends AnyStateMachine, C, S extends Statement>(
  kind: ActorKind<M, C, S>,
  ports: ActorPorts,
  limits: ActorLimits = ACTOR_LIMITS,
): Actors<M, C, S> {
  const folding = createFolding(kind.machine);
  const parts: Parts<M, C, S> = { kind, folding, ports };
  const mailboxes = new Map<string, Mailbox<M, C, S>>();
  /** Those without work, the longest idle first, so that passivating one costs the same however many are at work. */
  const idle = new Map<string, Mailbox<M, C, S>>();

  function mailboxOf(id: string): Mailbox<M, C, S> {
    const known = mailboxes.get(id);
    if (known !== undefined) return known;
    const fresh = newMailbox<M, C, S>(streamName(kind.category, id));
    mailboxes.set(id, fresh);
    return fresh;
  }

  function execute(id: string, command: C, origin: Origin): Promise<Outcome<M, S>> {
    return post(id, mailboxOf(id), { command, origin });
  }

  function create(id: string, command: C, origin: Origin): Promise<Outcome<M, S>> {
    const mailbox = mailboxOf(id);
    mailbox.live ??= unborn(folding);
    return post(id, mailbox, { command, origin });
  }

  function post(id: string, mailbox: Mailbox<M, C, S>, { command, origin }: Asked<C>): Promise<Outcome<M, S>> {
    if (mailbox.letters.length >= limits.mailbox) {
      return Promise.reject(new LogBusyError(`${mailbox.stream} has ${limits.mailbox} commands waiting.`));
    }
    return new Promise((answer, fail) => {
      mailbox.letters.push({ command, origin, answer, fail });
      if (!mailbox.isRunning) void run(id, mailbox);
    });
  }

  /** Empties a mailbox, batch by batch, with one append under way at a time. */
  async function run(id: string, mailbox: Mailbox<M, C, S>): Promise<void> {
    mailbox.isRunning = true;
    idle.delete(id);
    while (mailbox.letters.length > 0) {
      const letters = mailbox.letters.splice(0, BATCH);
      try {
        await settle(parts, mailbox, letters);
      } catch (error) {
        mailbox.live = undefined;
        for (const letter of letters) letter.fail(error);
      }
      show(mailbox);
    }
    mailbox.isRunning = false;
    rest(id, mailbox);
  }

  /** It stays until so many others have rested for a shorter time. */
  function rest(id: string, mailbox: Mailbox<M, C, S>): void {
    if (mailbox.live === undefined || kind.isOver(mailbox.live.snapshot)) forget(id);
    else idle.set(id, mailbox);
    for (const oldest of idle.keys()) {
      if (idle.size <= limits.kept) return;
      forget(oldest);
    }
  }

  function forget(id: string): void {
    mailboxes.delete(id);
    idle.delete(id);
  }

  async function look(id: string): Promise<SnapshotFrom<M>> {
    const seen = await seenInMemory(mailboxes.get(id));
    return seen ?? (await rehydrate(streamName(kind.category, id), parts)).snapshot;
  }

  function heard(id: string, fact: RecordedFact): void {
    const mailbox = mailboxes.get(id);
    if (mailbox === undefined) return;
    mailbox.heard = fact.revision;
    const { live } = mailbox;
    if (mailbox.isRunning || live === undefined || fact.revision <= live.revision) return;
    const isNext = fact.revision === live.revision + 1;
    if (isNext) mailbox.live = moveOn(folding, live, fact);
    if (!isNext || kind.isOver(mailbox.live?.snapshot as SnapshotFrom<M>)) forget(id);
  }

  return {
    execute,
    create,
    look,
    heard,
    get size() {
      return mailboxes.size;
    },
  };
}

function newMailbox<M extends AnyStateMachine, C, S extends Statement>(stream: StreamName): Mailbox<M, C, S> {
  return { stream, letters: [], onlookers: [], live: undefined, isRunning: false, heard: NO_STREAM };
}

/**
 * While a batch is under way the log may be ahead of what the actor knows. Waiting for its end costs no more than reading the stream, and
 * happens all the time: whoever looks because of a fact comes right behind its append.
 */
async function seenInMemory<M extends AnyStateMachine, C, S extends Statement>(
  mailbox: Mailbox<M, C, S> | undefined,
): Promise<SnapshotFrom<M> | undefined> {
  if (mailbox?.isRunning) return new Promise((show) => mailbox.onlookers.push(show));
  return mailbox?.live?.snapshot;
}

/** A batch is settled: those who wait see the actor, unless a fact was heard meanwhile that it has not come to. */
function show<M extends AnyStateMachine, C, S extends Statement>(mailbox: Mailbox<M, C, S>): void {
  if (mailbox.live !== undefined && mailbox.live.revision < mailbox.heard) mailbox.live = undefined;
  for (const see of mailbox.onlookers.splice(0)) see(mailbox.live?.snapshot);
}

/** Decides a batch, each command in the state that those before it lead to, and appends what follows. Nobody sees a state before its facts are in the log. */
async function settle<M extends AnyStateMachine, C, S extends Statement>(
  parts: Parts<M, C, S>,
  mailbox: Mailbox<M, C, S>,
  letters: readonly Letter<M, C, S>[],
): Promise<void> {
  for (let conflicts = 0; conflicts <= MOST_CONFLICTS; conflicts += 1) {
    const known = mailbox.live;
    const live = known ?? (await rehydrate(mailbox.stream, parts));
    let { snapshot } = live;
    const verdicts = letters.map((letter) => {
      const verdict = judge(parts, snapshot, letter);
      snapshot = verdict.snapshot;
      return verdict;
    });
    const facts = verdicts.flatMap((verdict) => ('facts' in verdict ? verdict.facts : []));
    if (facts.length === 0 && known !== undefined && (await catchUp(parts, mailbox, known))) continue;
    const place = facts.length === 0 ? live : await append(parts.ports, mailbox.stream, live, facts);
    mailbox.live =
      place && keep({ ...live, snapshot, revision: place.revision, position: place.position }, mailbox.stream, facts.at(-1), parts);
    if (place === undefined) continue;
    letters.forEach((letter, index) => {
      const verdict = verdicts[index] as Verdict<M, S>;
      letter.answer('facts' in verdict ? { ...verdict, position: place.position } : verdict);
    });
    return;
  }
  throw new LogBusyError(`${mailbox.stream} is written to from elsewhere all the time.`);
}

/**
 * Where others append too, what was decided on a state in memory and leads to no append has not been compared with the log yet. True: the
 * stream has moved on, and it has to be decided again.
 */
async function catchUp<M extends AnyStateMachine, C, S extends Statement>(
  parts: Parts<M, C, S>,
  mailbox: Mailbox<M, C, S>,
  known: Live<M>,
): Promise<boolean> {
  if (!parts.ports.log.isShared) return false;
  mailbox.live = await readOn(known, mailbox.stream, parts);
  return mailbox.live.revision > known.revision;
}

/** What follows from one command in one state, and the state after it. */
function judge<M extends AnyStateMachine, C, S extends Statement>(
  { kind, folding, ports }: Parts<M, C, S>,
  before: SnapshotFrom<M>,
  { command, origin }: Asked<C>,
): Verdict<M, S> {
  const decision = kind.decide(before, command);
  if ('rejected' in decision) return { rejected: decision.rejected, snapshot: before };
  let snapshot = before;
  const facts = decision.accepted.map((statement) => {
    const fact = stamp(statement, origin, ports);
    snapshot = folding.next(snapshot, fact, kind.category);
    return fact;
  });
  return { facts, snapshot };
}

function stamp<S extends Statement>(statement: S, origin: Origin, { clock, random }: ActorPorts): NewFact<S> {
  const { type, data } = statement;
  const { cause, requestId } = origin;
  // Spelled out, because spreading statements of many shapes costs ten times as much.
  const fact = { type, data, id: factId(random.uuid()), schemaVersion: versionOf(type), time: clock.now(), cause, requestId };
  return fact as NewFact as NewFact<S>;
}

/** Where the stream stands then; undefined: somebody else has written to it. An unknown outcome is settled by appending the very same facts again. */
async function append<M extends AnyStateMachine>(
  { log, clock }: ActorPorts,
  stream: StreamName,
  live: Live<M>,
  facts: readonly NewFact[],
): Promise<Pick<Live<M>, 'revision' | 'position'> | undefined> {
  for (let faults = 0, last = clock.now() + FAULT_PATIENCE_MS; ; faults += 1) {
    try {
      const appended = await log.append(stream, live.revision, facts);
      return appended.outcome === 'conflict' ? undefined : appended;
    } catch (error) {
      if (!(error instanceof LogFault) || faults === MOST_FAULTS || clock.now() >= last) throw error;
      await new Promise<void>((resolve) => clock.after(FAULT_PAUSE_MS * 2 ** faults, resolve));
    }
  }
}
