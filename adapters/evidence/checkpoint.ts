/**
 * A signed checkpoint: what somebody with the key has vouched for. It seals the facts of the log since the checkpoint before it: their order, and where
 * each stream that moved stands. Its text is stored for ever, and anybody can check it with a JOSE library and SHA-256.
 */
import { z } from 'zod';
import type { RecordedFact, Revision, Statement } from '../../domain/facts.ts';
import { type StreamName, streamName } from '../../domain/ids.ts';
import { sha256 } from './links.ts';
import { sealedPayload } from './signatures.ts';

/** The stream of checkpoints: revision n is checkpoint n. */
export const CHECKPOINTS: StreamName = streamName('checkpoint', 'log');
const CHECKPOINT_SIGNED = 'checkpoint.signed';

/** A stream, its newest sealed revision, and the hash there. */
export type Head = readonly [stream: StreamName, revision: Revision, hash: string];

/** A fact by its place in its stream. */
export interface Place {
  readonly stream: StreamName;
  readonly revision: Revision;
}

/** What is vouched for. */
export interface Seal {
  /** 0, 1, 2 … */
  readonly number: number;
  /** When it was signed: milliseconds since 1970 (UTC). */
  readonly time: number;
  /** How many facts it seals, and how many it and all before it do. */
  readonly facts: number;
  readonly total: number;
  /** The order of the checkpoint before it; empty in the first. */
  readonly previous: string;
  /** SHA-256 of `previous` and the hashes of the facts it seals, in the order of the log, one a line. */
  readonly order: string;
  /** The last fact it seals. */
  readonly last: Place;
  /** How many seconds facts wait for a checkpoint at most. */
  readonly intervalSeconds: number;
  /** Every stream that has facts among those it seals. */
  readonly heads: readonly Head[];
}

/** A seal with its signature: a JWS (RFC 7515) whose payload, which the seal gives again, is left out. */
export interface Checkpoint extends Seal {
  readonly jws: string;
}

export const checkpointSigned = (data: Checkpoint): Statement => ({ type: CHECKPOINT_SIGNED, data });

/** The signed text: the seal as JSON, with a hash in the place of the heads. */
export function payloadOf({ number, time, facts, total, previous, order, last, intervalSeconds, heads }: Seal): string {
  const { stream, revision } = last;
  const headsHash = sha256(JSON.stringify(heads));
  return JSON.stringify({ number, time, facts, total, previous, order, last: { stream, revision }, intervalSeconds, heads: headsHash });
}

/** The whole JWS, as it can be kept elsewhere and checked without the log. */
export const wholeJws = (checkpoint: Checkpoint): string => sealedPayload(checkpoint.jws, payloadOf(checkpoint));

export const orderOf = (previous: string, hashes: readonly string[]): string => sha256([previous, ...hashes].join('\n'));

const count = z.int().min(0);
const text = z.string().max(1000);
const name = text.transform((stream) => stream as StreamName);
const shape = z.object({
  number: count,
  time: z.int(),
  facts: count,
  total: count,
  previous: text,
  order: text,
  last: z.object({ stream: name, revision: count }),
  intervalSeconds: count,
  heads: z.array(z.tuple([name, count, text])),
  jws: z.string().max(4000),
});

/** Undefined for a fact that is no checkpoint, or none that this version can read. */
export function readCheckpoint({ type, data }: RecordedFact): Checkpoint | undefined {
  return type === CHECKPOINT_SIGNED ? shape.safeParse(data).data : undefined;
}
