/** Whether the facts are those that checkpoints vouch for, stream by stream; and which of them none vouches for yet. */
import { NO_STREAM, type RecordedFact, type Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import { CHECKPOINTS, type Place } from './checkpoint.ts';
import type { Sealed, SealedHead } from './checkpoint-check.ts';
import { type Fault, faultOf, named } from './fault.ts';
import type { Link } from './links.ts';
import type { Removals } from './removals.ts';

export interface SealCheck {
  /** Facts come in the order of the log. `link`: the hash a fact goes by. `isFaulty`: something else is wrong with it. */
  check(fact: RecordedFact, link: string, isFaulty: boolean): Fault | undefined;
  /** Whether the note on what was taken out of a stream can be true. Comes before the next fact of the stream. */
  checkNote(stream: StreamName): Promise<Fault | undefined>;
  /** What is wrong at the end. `standing`: how far a stream reaches. */
  finish(standing: (stream: StreamName) => Link | undefined): AsyncGenerator<Fault>;
  /** Streams that are another than the one that was sealed. */
  readonly rewritten: readonly StreamName[];
  /** Facts that no checkpoint vouches for yet, checkpoints not counted. */
  readonly unsealed: number;
}

/** Promised where there is no checkpoint yet. */
const USUAL_INTERVAL_SECONDS = 60;
/** How much later than promised a checkpoint may come: so many intervals, and a minute. */
const OVERDUE_INTERVALS = 3;
const OVERDUE_MS = 60_000;

/** `end`: the last sealed fact that is there; undefined: none is. */
export function createSealCheck({ heads, last }: Pick<Sealed, 'heads' | 'last'>, end: Place | undefined, removals: Removals): SealCheck {
  let isAmongSealed = end !== undefined;
  const rewritten: StreamName[] = [];
  let unsealed = 0;
  const waiting = createWaiting((last?.intervalSeconds ?? USUAL_INTERVAL_SECONDS) * 1000);

  function checkOpen(fact: RecordedFact): Fault | undefined {
    if (isAmongSealed) return inserted(fact);
    if (fact.stream === CHECKPOINTS) return undefined;
    unsealed += 1;
    waiting.add(fact);
    return undefined;
  }

  async function checkNote(stream: StreamName): Promise<Fault | undefined> {
    const [head, removal] = [heads.get(stream), await removals.of(stream)];
    const isWrong = head !== undefined && removal?.revision === head.revision && removal.hash !== head.hash;
    return isWrong ? wrongNote(stream, head) : undefined;
  }

  return {
    checkNote,
    check(fact, link, isFaulty) {
      const { stream, revision } = fact;
      // A checkpoint stands behind everything it seals.
      if (stream === CHECKPOINTS && last !== undefined && revision >= last.number) isAmongSealed = false;
      const head = heads.get(stream);
      if (head === undefined) return checkOpen(fact);
      if (revision < head.revision) return undefined;
      heads.delete(stream);
      if (revision > head.revision) return checkOpen(fact);
      if (stream === end?.stream && revision === end.revision) isAmongSealed = false;
      if (link !== head.hash && !isFaulty) rewritten.push(stream);
      return undefined;
    },
    async *finish(standing) {
      for (const [stream, head] of heads) {
        const end = standing(stream)?.revision ?? NO_STREAM;
        const removal = await removals.of(stream);
        if (removal !== undefined) removals.count(stream, Math.max(0, removal.revision - end));
        const reaches = Math.max(end, removal?.revision ?? NO_STREAM);
        if (reaches < head.revision) yield cutOff(stream, head, reaches);
        const wrong = await checkNote(stream);
        if (wrong !== undefined) yield wrong;
      }
      const overdue = waiting.overdue();
      if (overdue !== undefined) yield overdue;
    },
    rewritten,
    get unsealed() {
      return unsealed;
    },
  };
}

/** How long facts have waited for a checkpoint while others were written: whoever takes checkpoints away leaves such a stretch behind. */
function createWaiting(intervalMs: number) {
  let first: RecordedFact | undefined;
  let lastTime = 0;
  let waitedMs = 0;
  return {
    add(fact: RecordedFact): void {
      // Older ones wait for a broker that signs.
      if (fact.hash === undefined) return;
      // A long silence is one in which there was no broker, or nothing to sign.
      if (first !== undefined) waitedMs += Math.min(Math.max(0, fact.time - lastTime), intervalMs);
      first ??= fact;
      lastTime = fact.time;
    },
    overdue(): Fault | undefined {
      if (first === undefined || waitedMs <= OVERDUE_INTERVALS * intervalMs + OVERDUE_MS) return undefined;
      const since = new Date(first.time).toISOString();
      const message = `There is no checkpoint for what happened from ${since} on, although one is due every ${intervalMs / 1000} s.`;
      return faultOf('missing-checkpoint', first, message);
    },
  };
}

const inserted = (fact: RecordedFact): Fault =>
  faultOf('inserted', fact, `${named(fact)} stands among sealed facts, but no checkpoint knows it.`);

function cutOff(stream: StreamName, { revision, checkpoint }: SealedHead, end: Revision): Fault {
  const sealed = `checkpoint ${checkpoint} sealed it up to revision ${revision}`;
  const message = end === NO_STREAM ? `${stream} is gone: ${sealed}.` : `${stream} ends at revision ${end}, but ${sealed}.`;
  return { fault: 'cut-off', stream, revision: end + 1, checkpoint, message };
}

function wrongNote(stream: StreamName, { revision, checkpoint }: SealedHead): Fault {
  const message = `${stream} was taken out up to revision ${revision}, but the hash in the note is not the one that checkpoint ${checkpoint} sealed.`;
  return { fault: 'rewritten', stream, revision, checkpoint, message };
}
