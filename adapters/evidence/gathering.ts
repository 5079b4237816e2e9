/** What the next checkpoint will seal: facts in the order of the log, gathered until there are enough of them or it is time. */
import type { RecordedFact } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import { CHECKPOINTS, type Head, orderOf, type Seal } from './checkpoint.ts';
import { type Link, linkOf } from './links.ts';

/** Facts of one checkpoint. */
const FACT_LIMIT = 10_000;
/** Bytes of the JSON of its heads, about; with it the append stays far below what EventStoreDB takes (1 MiB). */
const HEADS_LIMIT = 128 * 1024;
/** Of a head besides the name of its stream. */
const HEAD_BYTES = 64;

/** What a checkpoint takes up from the one before it. */
export type Standing = Pick<Seal, 'number' | 'total' | 'order'>;
/** Before the first. */
export const BEGINNING: Standing = { number: -1, total: 0, order: '' };

export interface Gathering {
  add(fact: RecordedFact): void;
  /** No more may be added. */
  readonly isFull: boolean;
  /** Whether anything happened but checkpoints. */
  readonly hasNews: boolean;
  /** Of what was gathered, at least one fact. */
  seal(before: Standing, time: number, intervalSeconds: number): Seal;
}

export function createGathering(): Gathering {
  const hashes: string[] = [];
  const streams = new Map<StreamName, Link>();
  let bytes = 0;
  let hasNews = false;
  let last = { stream: CHECKPOINTS, revision: 0 };
  return {
    add(fact) {
      const { stream, revision } = fact;
      const hash = linkOf(fact);
      hashes.push(hash);
      if (!streams.has(stream)) bytes += HEAD_BYTES + Buffer.byteLength(stream);
      streams.set(stream, { revision, hash });
      hasNews ||= stream !== CHECKPOINTS;
      last = { stream, revision };
    },
    get isFull() {
      return hashes.length >= FACT_LIMIT || bytes >= HEADS_LIMIT;
    },
    get hasNews() {
      return hasNews;
    },
    seal({ number, total, order }, time, intervalSeconds) {
      const facts = hashes.length;
      const heads = [...streams].map(([stream, { revision, hash }]): Head => [stream, revision, hash]);
      const place = { number: number + 1, time, facts, total: total + facts, previous: order };
      return { ...place, order: orderOf(order, hashes), last, intervalSeconds, heads };
    },
  };
}
