/** The checkpoints themselves, read before the rest: who signed them, whether each follows the one before, and what they vouch for of each stream. */
import type { KeyObject } from 'node:crypto';
import { NO_STREAM, type RecordedFact, type Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import { type Checkpoint, payloadOf, readCheckpoint, wholeJws } from './checkpoint.ts';
import { type Fault, faultOf } from './fault.ts';
import { BEGINNING, type Standing } from './gathering.ts';
import type { KeptCheckpoint } from './published.ts';
import { judgeSignature } from './signatures.ts';

/** What the newest checkpoint that knows a stream vouches for. */
export interface SealedHead {
  readonly revision: Revision;
  readonly hash: string;
  readonly checkpoint: number;
}

export interface Trust {
  /** Public keys by their thumbprints; undefined: whichever keys the checkpoints themselves name. */
  readonly keys: ReadonlyMap<string, KeyObject> | undefined;
  /** Checkpoints that were kept elsewhere: the log has to hold them. */
  readonly kept: readonly KeptCheckpoint[];
}

export interface Sealed {
  /** Checkpoints in the log. */
  readonly count: number;
  /** Those that count, and those that were found bad. */
  readonly good: ReadonlySet<number>;
  readonly bad: ReadonlySet<number>;
  readonly heads: Map<StreamName, SealedHead>;
  /** The newest that counts. */
  readonly last: Checkpoint | undefined;
  /** Thumbprints of the keys that signed them. */
  readonly keys: ReadonlySet<string>;
}

export type Report = (fault: Fault) => Promise<void>;

/** `facts`: the stream of checkpoints. */
export async function readSealed(facts: AsyncIterable<RecordedFact>, trust: Trust, report: Report): Promise<Sealed> {
  const good = new Set<number>();
  const bad = new Set<number>();
  const keys = new Set<string>();
  const heads = new Map<StreamName, SealedHead>();
  let count = 0;
  let newest = NO_STREAM;
  let last: Checkpoint | undefined;
  for await (const fact of facts) {
    count += 1;
    newest = fact.revision;
    const judged = judge(fact, trust, last ?? BEGINNING);
    if ('fault' in judged) {
      bad.add(fact.revision);
      await report(judged);
      continue;
    }
    last = judged.checkpoint;
    good.add(last.number);
    keys.add(judged.keyId);
    for (const [stream, revision, hash] of last.heads) heads.set(stream, { revision, hash, checkpoint: last.number });
  }
  // One in between that is missing leaves a gap in its stream.
  for (const kept of trust.kept) if (kept.number > newest) await report(lost(kept, newest));
  return { count, good, bad, heads, last, keys };
}

type Judged = Fault | { readonly checkpoint: Checkpoint; readonly keyId: string };

function judge(fact: RecordedFact, { keys, kept }: Trust, before: Standing): Judged {
  const bad = (message: string): Fault => ({ ...faultOf('bad-checkpoint', fact, message), checkpoint: fact.revision });
  const checkpoint = readCheckpoint(fact);
  const name = `Checkpoint ${fact.revision}`;
  if (checkpoint === undefined) return bad(`${name} cannot be read: it was altered, or is not one.`);
  if (checkpoint.number !== fact.revision) return bad(`${name} was checkpoint ${checkpoint.number} when it was signed.`);
  const { verdict, keyId } = judgeSignature(checkpoint.jws, payloadOf(checkpoint), keys ?? new Map());
  if (verdict === 'bad') return bad(`${name} is not what was signed: it was altered, or made by somebody without the key.`);
  if (verdict === 'unknown' && keys !== undefined)
    return bad(`${name} is signed with the key ${keyId}, which is not one of those to trust.`);
  if (!follows(checkpoint, before)) return bad(`${name} does not follow from checkpoint ${before.number}.`);
  if (kept.some(({ number, jws }) => number === checkpoint.number && jws !== wholeJws(checkpoint)))
    return bad(`${name} is another than the one that was kept elsewhere.`);
  return { checkpoint, keyId };
}

/** Where one in between is missing, or does not count, nothing can be said. */
function follows({ number, previous, total, facts }: Checkpoint, before: Standing): boolean {
  return number !== before.number + 1 || (previous === before.order && total === before.total + facts);
}

function lost({ number, time }: KeptCheckpoint, newest: Revision): Fault {
  const signed = `Checkpoint ${number}, signed at ${new Date(time).toISOString()}, is missing`;
  const end = newest === NO_STREAM ? 'the log holds no checkpoint at all' : `the last one in the log is checkpoint ${newest}`;
  return { fault: 'missing-checkpoint', checkpoint: number, message: `${signed}: ${end}. The log was cut off, or is another one.` };
}
