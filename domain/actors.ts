/**
 * Actors: one mailbox, one machine and one stream each. A command is decided from the machine's snapshot, its facts are appended at
 * the expected revision, and only then is anybody told. Idle actors are passivated under a bound and come back from their streams.
 */
import { type Actor, type AnyMachineSnapshot, type AnyStateMachine, createActor, type EventFromLogic, type SnapshotFrom } from 'xstate';
import type { Decision, Rejection } from './decision.ts';
import {
  LOG_START,
  type NewFact,
  NO_STREAM,
  type Origin,
  type Position,
  type RecordedFact,
  type Revision,
  type Statement,
} from './facts.ts';
import { factId, type StreamName, streamName } from './ids.ts';
import type { Clock, Random } from './ports/clock.ts';
import { type EventLog, LogBusyError, LogFault } from './ports/event-log.ts';

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

export interface Actors<M extends AnyStateMachine, C, S extends Statement> {
  /** Resolves when the facts are in the log. Throws LogBusyError when too much is waiting, LogFault when the log is out of reach. */
  execute(id: string, command: C, origin: Origin): Promise<Outcome<M, S>>;
  /** The first command to an actor whose id was made just now: its stream is taken to be empty without reading it. */
  create(id: string, command: C, origin: Origin): Promise<Outcome<M, S>>;
  /** The state of an actor as of its last fact known here; it is behind no fact that a subscriber of the log has been told of. */
  look(id: string): Promise<SnapshotFrom<M>>;
  /** Actors held in memory. */
  readonly size: number;
}

export interface ActorPorts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly random: Random;
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
const PAGE = 500;
const SCHEMA_VERSION = 1;

interface Asked<C> {
  readonly command: C;
  readonly origin: Origin;
}

/** One command that waits. */
interface Letter<M extends AnyStateMachine, C, S extends Statement> extends Asked<C> {
  readonly answer: (outcome: Outcome<M, S>) => void;
  readonly fail: (error: unknown) => void;
}

/** The machine of an actor that is in memory, and how far its stream has been folded into it. */
interface Live<M extends AnyStateMachine> {
  readonly machine: Actor<M>;
  revision: Revision;
  position: Position;
}

interface Mailbox<M extends AnyStateMachine, C, S extends Statement> {
  readonly stream: StreamName;
  letters: Letter<M, C, S>[];
  /** Who waits to see the actor when the batch under way is settled; undefined: it is not in memory then. */
  onlookers: ((snapshot: SnapshotFrom<M> | undefined) => void)[];
  live: Live<M> | undefined;
  isRunning: boolean;
}

export function createActors<M extends AnyStateMachine, C, S extends Statement>(
  kind: ActorKind<M, C, S>,
  ports: ActorPorts,
  limits: ActorLimits = ACTOR_LIMITS,
): Actors<M, C, S> {
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
    mailbox.live ??= { machine: startMachine(kind.machine), revision: NO_STREAM, position: LOG_START };
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
        await settle(kind, ports, mailbox, letters);
      } catch (error) {
        drop(mailbox);
        for (const letter of letters) letter.fail(error);
      }
      for (const show of mailbox.onlookers.splice(0)) show(mailbox.live?.machine.getSnapshot());
    }
    mailbox.isRunning = false;
    rest(id, mailbox);
  }

  /** It stays until so many others have rested for a shorter time. */
  function rest(id: string, mailbox: Mailbox<M, C, S>): void {
    if (mailbox.live === undefined || kind.isOver(mailbox.live.machine.getSnapshot())) forget(id, mailbox);
    else idle.set(id, mailbox);
    for (const [oldest, candidate] of idle) {
      if (idle.size <= limits.kept) return;
      forget(oldest, candidate);
    }
  }

  function forget(id: string, mailbox: Mailbox<M, C, S>): void {
    drop(mailbox);
    mailboxes.delete(id);
    idle.delete(id);
  }

  async function look(id: string): Promise<SnapshotFrom<M>> {
    const seen = await seenInMemory(mailboxes.get(id));
    if (seen !== undefined) return seen;
    const live = await rehydrate(kind.machine, ports.log, streamName(kind.category, id));
    const snapshot = live.machine.getSnapshot();
    live.machine.stop();
    return snapshot;
  }

  return {
    execute,
    create,
    look,
    get size() {
      return mailboxes.size;
    },
  };
}

function newMailbox<M extends AnyStateMachine, C, S extends Statement>(stream: StreamName): Mailbox<M, C, S> {
  return { stream, letters: [], onlookers: [], live: undefined, isRunning: false };
}

/**
 * While a batch is under way the machine is ahead of the log, and the log may be ahead of what the actor knows. Waiting for the end of the
 * batch costs no more than reading the stream, and happens all the time: whoever looks because of a fact comes right behind its append.
 */
async function seenInMemory<M extends AnyStateMachine, C, S extends Statement>(
  mailbox: Mailbox<M, C, S> | undefined,
): Promise<SnapshotFrom<M> | undefined> {
  if (mailbox?.isRunning) return new Promise((show) => mailbox.onlookers.push(show));
  return mailbox?.live?.machine.getSnapshot();
}

/**
 * Decides a batch, appends what follows, and answers. The machine runs ahead of the log by this one batch and nobody sees it there:
 * where the append does not take place the machine is thrown away and comes back from the stream.
 */
async function settle<M extends AnyStateMachine, C, S extends Statement>(
  kind: ActorKind<M, C, S>,
  ports: ActorPorts,
  mailbox: Mailbox<M, C, S>,
  letters: readonly Letter<M, C, S>[],
): Promise<void> {
  for (let conflicts = 0; conflicts <= MOST_CONFLICTS; conflicts += 1) {
    const live = mailbox.live ?? (await rehydrate(kind.machine, ports.log, mailbox.stream));
    mailbox.live = live;
    const outcomes = letters.map((letter) => judge(kind, ports, live, letter));
    const facts = outcomes.flatMap((outcome) => ('facts' in outcome ? outcome.facts : []));
    const isAppended = facts.length === 0 || (await append(ports, mailbox.stream, live, facts));
    if (isAppended) {
      letters.forEach((letter, index) => {
        const outcome = outcomes[index] as Outcome<M, S>;
        letter.answer('facts' in outcome ? { ...outcome, position: live.position } : outcome);
      });
      return;
    }
    drop(mailbox);
  }
  throw new LogBusyError(`${mailbox.stream} is written to from elsewhere all the time.`);
}

/** What follows from one command, folded into the machine at once. */
function judge<M extends AnyStateMachine, C, S extends Statement>(
  kind: ActorKind<M, C, S>,
  ports: ActorPorts,
  live: Live<M>,
  { command, origin }: Letter<M, C, S>,
): Outcome<M, S> {
  const { machine } = live;
  const decision = kind.decide(machine.getSnapshot(), command);
  if ('rejected' in decision) return { rejected: decision.rejected, snapshot: machine.getSnapshot() };
  const facts = decision.accepted.map((statement) => {
    const fact = stamp(statement, origin, ports);
    fold(machine, fact, kind.category);
    return fact;
  });
  return { facts, snapshot: machine.getSnapshot(), position: live.position };
}

function stamp<S extends Statement>(statement: S, origin: Origin, { clock, random }: ActorPorts): NewFact<S> {
  const { type, data } = statement;
  const { cause, requestId } = origin;
  // Spelled out, because spreading statements of many shapes costs ten times as much.
  const fact = { type, data, id: factId(random.uuid()), schemaVersion: SCHEMA_VERSION, time: clock.now(), cause, requestId };
  return fact as NewFact as NewFact<S>;
}

/** Asks the machine before telling it: XState drops an event that it does not handle in silence. */
function fold<M extends AnyStateMachine>(machine: Actor<M>, fact: Statement, where: string): void {
  const event = fact as EventFromLogic<M>;
  const before: AnyMachineSnapshot = machine.getSnapshot();
  if (!before.can(event)) throw new Error(`${where}: ${fact.type} cannot follow in state ${JSON.stringify(before.value)}.`);
  machine.send(event);
}

/** False: somebody else has written to the stream. An unknown outcome is settled by appending the very same facts again. */
async function append<M extends AnyStateMachine>(
  { log, clock }: ActorPorts,
  stream: StreamName,
  live: Live<M>,
  facts: readonly NewFact[],
): Promise<boolean> {
  for (let faults = 0; ; faults += 1) {
    try {
      const appended = await log.append(stream, live.revision, facts);
      if (appended.outcome === 'conflict') return false;
      live.revision = appended.revision;
      live.position = appended.position;
      return true;
    } catch (error) {
      if (!(error instanceof LogFault) || faults === MOST_FAULTS) throw error;
      await new Promise<void>((resolve) => clock.after(FAULT_PAUSE_MS * 2 ** faults, resolve));
    }
  }
}

async function rehydrate<M extends AnyStateMachine>(machine: M, log: EventLog, stream: StreamName): Promise<Live<M>> {
  const live: Live<M> = { machine: startMachine(machine), revision: NO_STREAM, position: LOG_START };
  for (;;) {
    const facts: readonly RecordedFact[] = await log.readStream(stream, live.revision + 1, PAGE);
    for (const fact of facts) {
      fold(live.machine, fact, `${stream} at revision ${fact.revision}`);
      live.revision = fact.revision;
      live.position = fact.position;
    }
    if (facts.length < PAGE) return live;
  }
}

/** Without an observer of its own an actor in error ends the whole process. Actions are total all the same. */
function startMachine<M extends AnyStateMachine>(machine: M): Actor<M> {
  const actor = createActor(machine as AnyStateMachine) as Actor<M>;
  actor.subscribe({ error: () => undefined });
  return actor.start();
}

function drop(mailbox: { live: Live<AnyStateMachine> | undefined }): void {
  mailbox.live?.machine.stop();
  mailbox.live = undefined;
}
