/**
 * Appends on their way to the disk. Whatever is waiting goes into one transaction, because a commit costs about the same for one fact
 * as for a thousand. Expected revisions are checked here, against remembered heads of streams, so that an append that fails its check
 * fails alone. This process is the only writer; the unique indexes stand guard in case it is not.
 */
import { LOG_START, type Position, type RecordedFact, type Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import { type Appended, LogBusyError, LogFault, type Removal } from '../../domain/ports/event-log.ts';
import { type Draft, recordedFact } from '../drafts.ts';
import type { Tail } from '../tail.ts';
import type { Connection } from './connection.ts';
import { insertFacts, insertRow, readHead, readRepeated } from './log-statements.ts';
import { type PendingRemoval, REMOVAL_GROUP, takeOut } from './removals.ts';
import { createStreamHeads, type HeadsByStream, headOf } from './stream-heads.ts';

/** Facts of one transaction, which bounds how long those behind it wait. An append has fewer. */
const GROUP_FACTS = 2000;

export interface GroupCommit {
  append(stream: StreamName, expectedRevision: Revision, drafts: readonly Draft[]): Promise<Appended>;
  remove(stream: StreamName, removal: Removal): Promise<boolean>;
  /** Resolves when nothing is waiting or being written. */
  idle(): Promise<void>;
}

interface Pending {
  readonly stream: StreamName;
  readonly expectedRevision: Revision;
  readonly drafts: readonly Draft[];
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: Error) => void;
}

/** What a group comes to, before anything is written. */
interface Plan {
  readonly facts: RecordedFact[];
  readonly rows: string[];
  readonly heads: HeadsByStream;
  /** What to answer once the rows are on disk. */
  readonly answers: (() => void)[];
  /** Behind their stream: either a repetition or a conflict, as the ids on disk will tell. */
  readonly behind: Pending[];
}

/** `waitingLimit`: facts that may wait for the disk; more are turned away with LogBusyError. */
export function createGroupCommit(connection: Connection, tail: Tail, waitingLimit: number): GroupCommit {
  const heads = createStreamHeads(connection);
  let queue: Pending[] = [];
  const removals: PendingRemoval[] = [];
  let waitingFacts = 0;
  let working: Promise<void> | undefined;
  /** False after a commit of unknown outcome. */
  let headIsCertain = true;

  async function work(): Promise<void> {
    while (queue.length > 0 || removals.length > 0) {
      // One turn of the event loop lets everyone who can append now do so, into the same transaction.
      await new Promise(setImmediate);
      const group = firstOf(queue);
      queue = queue.slice(group.length);
      waitingFacts -= countFacts(group);
      if (group.length > 0) await commit(group).catch((error: unknown) => fail(group, error));
      const leaving = removals.splice(0, REMOVAL_GROUP);
      if (leaving.length > 0) await takeOut(connection, heads, leaving).catch((error: unknown) => fail(leaving, error));
    }
    working = undefined;
  }

  async function commit(group: readonly Pending[]): Promise<void> {
    if (!headIsCertain) {
      tail.moved(await readHead(connection));
      headIsCertain = true;
    }
    const plan = await write(group);
    if (plan.facts.length > 0) {
      tail.committed(plan.facts);
      heads.remember(plan.heads);
    }
    for (const answer of plan.answers) {
      answer();
    }
    await answerBehind(connection, plan);
  }

  /** Streams that are to begin are not looked up: almost always they do, and the index of their names notices where they do not. */
  async function write(group: readonly Pending[]): Promise<Plan> {
    const hopeful = planGroup(group, await heads.of(group, { exceptNew: true }), tail.head());
    if (await isWritten(hopeful.rows)) {
      return hopeful;
    }
    const careful = planGroup(group, await heads.of(group), tail.head());
    await insertFacts(connection, careful.rows);
    return careful;
  }

  /** False, and nothing is written, where a name or a place is taken. */
  async function isWritten(rows: readonly string[]): Promise<boolean> {
    try {
      await insertFacts(connection, rows);
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'SQLITE_CONSTRAINT') {
        return false;
      }
      throw error;
    }
  }

  function fail(group: readonly (Pending | PendingRemoval)[], cause: unknown): void {
    headIsCertain = false;
    heads.forget(group);
    for (const { reject } of group) {
      reject(new LogFault(`The facts could not be written: ${cause}`, { cause }));
    }
  }

  return {
    append: (stream, expectedRevision, drafts) =>
      new Promise((resolve, reject) => {
        if (waitingFacts + drafts.length > waitingLimit) {
          throw new LogBusyError(`${waitingFacts} facts are waiting to be written, and ${waitingLimit} is the limit. Try again shortly.`);
        }
        waitingFacts += drafts.length;
        queue.push({ stream, expectedRevision, drafts, resolve, reject });
        working ??= work();
      }),
    remove: (stream, removal) =>
      new Promise((resolve, reject) => {
        removals.push({ stream, removal, resolve, reject });
        working ??= work();
      }),
    idle: async () => working,
  };
}

/** Those behind their stream are repetitions or conflicts. */
async function answerBehind(connection: Connection, { behind, heads }: Plan): Promise<void> {
  if (behind.length === 0) {
    return;
  }
  const candidates = behind.map(({ stream, expectedRevision, drafts }) => ({
    first: headOf(heads, stream).first,
    fromRevision: expectedRevision + 1,
    ids: drafts.map(({ fact }) => fact.id),
  }));
  const repeated = await readRepeated(connection, candidates);
  for (const [index, { stream, expectedRevision, drafts, resolve }] of behind.entries()) {
    const position = repeated.get(index);
    resolve(
      position === undefined
        ? { outcome: 'conflict', actualRevision: headOf(heads, stream).revision }
        : { outcome: 'appended', revision: expectedRevision + drafts.length, position },
    );
  }
}

/** Judges appends in order, each on what those before it leave behind. */
function planGroup(group: readonly Pending[], heads: HeadsByStream, head: Position): Plan {
  const plan: Plan = { facts: [], rows: [], heads, answers: [], behind: [] };
  for (const pending of group) {
    const { stream, expectedRevision, drafts, resolve } = pending;
    const { revision: actualRevision } = headOf(heads, stream);
    if (expectedRevision === actualRevision) {
      accept(plan, pending, head + plan.facts.length);
    } else if (expectedRevision + drafts.length > actualRevision) {
      plan.answers.push(() => resolve({ outcome: 'conflict', actualRevision }));
    } else {
      plan.behind.push(pending);
    }
  }
  return plan;
}

function accept(plan: Plan, { stream, expectedRevision, drafts, resolve }: Pending, head: Position): void {
  const known = headOf(plan.heads, stream).first;
  const first = known === LOG_START ? head + 1 : known;
  drafts.forEach((draft, index) => {
    const fact = recordedFact(draft, { stream, revision: expectedRevision + 1 + index, position: head + 1 + index });
    plan.facts.push(fact);
    plan.rows.push(insertRow(draft, first, fact));
  });
  const revision = expectedRevision + drafts.length;
  plan.heads.set(stream, { first, revision });
  plan.answers.push(() => resolve({ outcome: 'appended', revision, position: head + drafts.length }));
}

/** As many appends from the front of the queue as make one transaction. */
function firstOf(queue: readonly Pending[]): readonly Pending[] {
  let facts = 0;
  const end = queue.findIndex(({ drafts }) => {
    facts += drafts.length;
    return facts > GROUP_FACTS;
  });
  return end === -1 ? queue : queue.slice(0, end);
}

function countFacts(group: readonly Pending[]): number {
  return group.reduce((sum, { drafts }) => sum + drafts.length, 0);
}
