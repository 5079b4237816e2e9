/**
 * The audit of a whole log: one pass over its facts, behind one over its checkpoints. Memory holds some 200 bytes for each stream, whatever the length of the
 * log. It may run beside a broker: what is written meanwhile is not looked at.
 */
import { LOG_START, type Position, type RecordedFact } from '../../domain/facts.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { createChainCheck } from './chain-check.ts';
import { CHECKPOINTS, type Checkpoint, readCheckpoint } from './checkpoint.ts';
import { type Report, readSealed, type Sealed, type Trust } from './checkpoint-check.ts';
import type { Fault } from './fault.ts';
import { linkOf } from './links.ts';
import { createOrderCheck } from './order-check.ts';
import { readPages } from './reading.ts';
import { traceRewriting } from './rewriting.ts';
import { createSealCheck } from './seal-check.ts';

export interface Verification {
  readonly trust: Trust;
  /** Awaited before anything else is looked at. */
  readonly report: Report;
  /** Called now and then: how many facts were looked at, and how far through the log that is, from 0 to 1. */
  progress(facts: number, share: number): void;
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
  /** Thumbprints of the keys that the checkpoints were signed with. */
  readonly keys: readonly string[];
  /** The newest that counts. */
  readonly lastCheckpoint: { readonly number: number; readonly time: number } | undefined;
  readonly faults: number;
}

const FACTS_PAGE = 2_000;
/** Checkpoints hold up to some 200 KB each. */
const CHECKPOINTS_PAGE = 20;

export async function verifyLog(reader: LogReader, { trust, report, progress }: Verification): Promise<Findings> {
  let faults = 0;
  let facts = 0;
  async function tell(found: Iterable<Fault | undefined> | AsyncIterable<Fault>): Promise<void> {
    for await (const fault of found) {
      if (fault === undefined) continue;
      faults += 1;
      await report(fault);
    }
  }
  // In this order: all that these checkpoints seal is behind the head then.
  const sealed = await readSealed(checkpointFacts(reader), trust, (fault) => tell([fault]));
  const head = await reader.head();
  const chain = createChainCheck();
  const seals = createSealCheck(sealed);
  const order = createOrderCheck(goodCheckpoints(reader, sealed));
  for await (const page of factsUpTo(head, reader, (fault) => tell([fault]))) {
    for (const fact of page) {
      if (order.isDue) await order.advance();
      const link = linkOf(fact);
      const inChain = chain.check(fact);
      const inSeals = seals.check(fact, link);
      const inOrder = order.check(fact, link, inChain !== undefined || inSeals !== undefined);
      if (inChain ?? inSeals ?? inOrder) await tell([inChain, inSeals, inOrder]);
    }
    facts += page.length;
    progress(facts, (page.at(-1)?.position ?? LOG_START) / head);
  }
  await tell(seals.finish(chain.standing));
  await tell(traceRewriting(reader, seals.rewritten, goodCheckpoints(reader, sealed)));
  const { streams, unchained } = chain;
  const { count, last, keys } = sealed;
  const lastCheckpoint = last && { number: last.number, time: last.time };
  return { facts, streams, checkpoints: count, unsealed: seals.unsealed, unchained, keys: [...keys], lastCheckpoint, faults };
}

async function* factsUpTo(head: Position, reader: LogReader, report: Report): AsyncGenerator<readonly RecordedFact[]> {
  const course = {
    read: async (after: Position, limit: number) => {
      const page = after < head ? await reader.readAll(after, limit) : [];
      return page.filter(({ position }) => position <= head);
    },
    behind: ({ position }: RecordedFact) => position,
    unreadable: (after: Position, error: Error) => {
      const message = `The fact behind position ${after} cannot be read: ${error.message}`;
      return report({ fault: 'unreadable', position: after, message });
    },
  };
  yield* readPages(course, FACTS_PAGE);
}

async function* checkpointFacts(reader: Pick<LogReader, 'readStream'>): AsyncGenerator<RecordedFact> {
  const course = {
    read: (revision: number, limit: number) => reader.readStream(CHECKPOINTS, revision, limit),
    behind: ({ revision }: RecordedFact) => revision + 1,
    // Its place in the log tells.
    unreadable: () => Promise.resolve(),
  };
  for await (const page of readPages(course, CHECKPOINTS_PAGE)) yield* page;
}

async function* goodCheckpoints(reader: Pick<LogReader, 'readStream'>, { good }: Sealed): AsyncGenerator<Checkpoint, undefined> {
  for await (const fact of checkpointFacts(reader)) {
    const checkpoint = good.has(fact.revision) ? readCheckpoint(fact) : undefined;
    if (checkpoint !== undefined) yield checkpoint;
  }
}
