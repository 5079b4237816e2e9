/**
 * The audit of a whole log: one pass over its facts, behind one over its checkpoints. Memory holds some 200 bytes for each stream, whatever the length of the
 * log. It may run beside a broker: what is written meanwhile is not looked at.
 */
import type { Position, RecordedFact } from '../../domain/facts.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { createChainCheck } from './chain-check.ts';
import { CHECKPOINTS, type Place } from './checkpoint.ts';
import { type Report, readSealed, type Sealed, type Trust } from './checkpoint-check.ts';
import type { Fault } from './fault.ts';
import { linkOf } from './links.ts';
import { createOrderCheck } from './order-check.ts';
import { checkpointFacts, factsUpTo, goodCheckpoints } from './passes.ts';
import { createRemovals } from './removals.ts';
import { traceRewriting } from './rewriting.ts';
import { createSealCheck } from './seal-check.ts';
import { sealedEnd } from './sealed-end.ts';

export interface Verification {
  readonly trust: Trust;
  /** Awaited before anything else is looked at. */
  readonly report: Report;
  /** Called now and then, first for the checkpoints and then for all facts: how many were looked at, and up to where in the log. */
  progress(what: 'checkpoints' | 'facts', position: Position, count: number): void;
  /** Breaks it off: it rejects with the reason. */
  readonly signal?: AbortSignal;
}

/** What was looked at. */
export interface Findings {
  readonly facts: number;
  readonly streams: number;
  readonly checkpoints: number;
  /** Facts that no checkpoint vouches for yet. */
  readonly unsealed: number;
  /** Facts older than the chain. */
  readonly unchained: number;
  /** Facts that were taken out with a note, and the streams that they were in. */
  readonly removed: { readonly facts: number; readonly streams: number };
  /** Checkpoints the order of whose facts could not be looked at, because some of them were taken out. */
  readonly unordered: number;
  /** Thumbprints of the keys that the checkpoints were signed with. */
  readonly keys: readonly string[];
  /** The newest that counts. */
  readonly lastCheckpoint: { readonly number: number; readonly time: number } | undefined;
  readonly faults: number;
}

export async function verifyLog(reader: LogReader, verification: Verification): Promise<Findings> {
  const { trust, report, progress, signal } = verification;
  let faults = 0;
  let facts = 0;
  async function tell(fault: Fault): Promise<void> {
    faults += 1;
    await report(fault);
  }
  // In this order: all that these checkpoints seal is behind the head then.
  const sealed = await readSealed(checkpointsWith(reader, verification), trust, tell);
  const head = await reader.head();
  const checks = createChecks(reader, sealed, await endOf(reader, sealed));
  for await (const page of factsUpTo(head, reader, tell)) {
    signal?.throwIfAborted();
    for (const fact of page) for (const fault of await checks.check(fact)) await tell(fault);
    facts += page.length;
    progress('facts', page.at(-1)?.position ?? head, facts);
  }
  for await (const fault of checks.finish()) await tell(fault);
  const { count: checkpoints, last, keys } = sealed;
  const lastCheckpoint = last && { number: last.number, time: last.time };
  return { facts, checkpoints, ...checks.found(), keys: [...keys], lastCheckpoint, faults };
}

/** What is looked at with each fact in the order of the log, and behind the last. */
function createChecks(reader: LogReader, sealed: Sealed, end: Place | undefined) {
  const removals = createRemovals(reader);
  const chain = createChainCheck(reader, removals);
  const seals = createSealCheck(sealed, end, removals);
  const order = createOrderCheck(goodCheckpoints(reader, sealed), reader, removals);

  async function checkBehindGap(fact: RecordedFact): Promise<Fault | undefined> {
    const wrongNote = await seals.checkNote(fact.stream);
    return (await chain.checkBehindGap(fact)) ?? wrongNote;
  }

  return {
    async check(fact: RecordedFact): Promise<readonly Fault[]> {
      if (order.isDue) await order.advance();
      const link = linkOf(fact);
      const inChain = chain.isBehindGap(fact) ? await checkBehindGap(fact) : chain.check(fact);
      const inSeals = seals.check(fact, link, inChain !== undefined);
      const wrong = inChain ?? inSeals;
      const disorder = order.check(fact, link, wrong !== undefined);
      if (wrong !== undefined) return hasBeenSaid(wrong, sealed) ? [] : [wrong];
      const inOrder = disorder && (await order.judge(disorder));
      return inOrder === undefined ? [] : [inOrder];
    },
    async *finish(): AsyncGenerator<Fault> {
      yield* seals.finish(chain.standing);
      yield* traceRewriting(reader, seals.rewritten, goodCheckpoints(reader, sealed));
    },
    found: () => ({
      streams: chain.streams,
      unsealed: seals.unsealed,
      unchained: chain.unchained,
      removed: { facts: removals.facts, streams: removals.streams },
      unordered: order.unknown,
    }),
  };
}

/** What is wrong with a checkpoint has been said when checkpoints were read. */
const hasBeenSaid = ({ fault, stream, revision = -1 }: Fault, { bad }: Sealed): boolean =>
  fault === 'altered' && stream === CHECKPOINTS && bad.has(revision);

/** What the newest checkpoint that counts seals comes to its end here; undefined where nothing of it is left. */
async function endOf(reader: LogReader, { last }: Sealed): Promise<Place | undefined> {
  if (last === undefined) return undefined;
  const end = await sealedEnd(reader, last);
  return 'fact' in end ? end.fact : last.last;
}

async function* checkpointsWith(
  reader: LogReader,
  { progress, signal }: Pick<Verification, 'progress' | 'signal'>,
): AsyncGenerator<RecordedFact> {
  let count = 0;
  for await (const fact of checkpointFacts(reader)) {
    signal?.throwIfAborted();
    yield fact;
    count += 1;
    progress('checkpoints', fact.position, count);
  }
}
