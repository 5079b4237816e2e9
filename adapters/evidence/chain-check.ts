/** Whether each stream is whole: every revision there, in order, and each fact tied to the one before. Keeps one hash a stream. */
import { NO_STREAM, type RecordedFact, type Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { CHECKPOINTS } from './checkpoint.ts';
import { type Fault, faultOf, named } from './fault.ts';
import { genesis, hashRecorded, type Link } from './links.ts';
import { isSpoilt } from './reading.ts';
import type { Removals } from './removals.ts';

export interface ChainCheck {
  /** Whether revisions before this fact have not come by: `checkBehindGap` judges it then. */
  isBehindGap(fact: RecordedFact): boolean;
  /** Facts come in the order of the log. Undefined: nothing is wrong. */
  check(fact: RecordedFact): Fault | undefined;
  /** The same for a fact behind a gap, which may have its reasons. */
  checkBehindGap(fact: RecordedFact): Promise<Fault | undefined>;
  /** Where a stream stands so far. */
  standing(stream: StreamName): Link | undefined;
  /** Streams seen, and facts older than the chain. */
  readonly streams: number;
  readonly unchained: number;
}

/** Facts in the wrong place that a gap is looked through for. */
const PAGE = 500;

/** From one revision to another, both of them missing. */
interface Gap {
  readonly first: Revision;
  readonly last: Revision;
  /** Something is there, and is no fact that can be read. */
  readonly isSpoilt?: true;
}

interface Standing extends Link {
  /** The hash that the last fact ought to have, where it has another: what follows it may well be sound. */
  readonly ought?: string | undefined;
}

export function createChainCheck(reader: Pick<LogReader, 'readStream'>, removals: Removals): ChainCheck {
  const standings = new Map<StreamName, Standing>();
  let hasBegun = false;
  let unchained = 0;

  const expectedIn = (stream: StreamName): Revision => (standings.get(stream)?.revision ?? NO_STREAM) + 1;

  /** `previous`: one of these is what the fact has to follow; none: nobody can tell. */
  function checkHash(fact: RecordedFact, previous: readonly string[]): Fault | undefined {
    const { stream, revision, hash } = fact;
    const computed = previous.map((each) => hashRecorded(each, fact));
    const isSound = hash !== undefined && (previous.length === 0 || computed.includes(hash));
    // One that is older than the chain stands for itself alone.
    standings.set(stream, { revision, hash: hash ?? hashRecorded(genesis(stream), fact), ought: isSound ? undefined : computed[0] });
    hasBegun ||= hash !== undefined;
    if (hash === undefined) return unchainedFault(fact);
    return isSound ? undefined : altered(fact);
  }

  function unchainedFault(fact: RecordedFact): Fault | undefined {
    if (hasBegun) return faultOf('unchained', fact, `${named(fact)} has no hash, although older facts have one.`);
    unchained += 1;
    return undefined;
  }

  /** The first gap from a revision on up to this fact that nothing further on in the log, in the wrong place, fills. */
  async function missingBefore({ stream, revision }: RecordedFact, from: Revision): Promise<Gap | undefined> {
    try {
      let first = from;
      for (const { revision: next } of await reader.readStream(stream, from, PAGE)) {
        if (next > first) return first < revision ? { first, last: Math.min(next, revision) - 1 } : undefined;
        first += 1;
      }
      return undefined;
    } catch (error) {
      if (isSpoilt(error)) return { first: from, last: revision - 1, isSpoilt: true };
      throw error;
    }
  }

  return {
    isBehindGap: ({ stream, revision }) => revision > expectedIn(stream),
    check(fact) {
      const { stream, revision } = fact;
      const before = standings.get(stream);
      const expected = expectedIn(stream);
      if (revision < expected) return faultOf('misplaced', fact, `${named(fact)} stands behind revision ${expected - 1} of its stream.`);
      return checkHash(fact, before === undefined ? [genesis(stream)] : hashesOf(before));
    },
    async checkBehindGap(fact) {
      const { stream, revision } = fact;
      const expected = expectedIn(stream);
      const removal = await removals.of(stream);
      const end = Math.min(removal?.revision ?? NO_STREAM, revision - 1);
      if (end >= expected) removals.count(stream, end - expected + 1);
      // What a fact follows is known only if the fact before is there, or has left its hash behind.
      const broken = checkHash(fact, removal?.revision === revision - 1 ? [removal.hash] : []);
      const gap = await missingBefore(fact, Math.max(expected, end + 1));
      return gap === undefined ? broken : missing(fact, gap);
    },
    standing: (stream) => standings.get(stream),
    get streams() {
      return standings.size;
    },
    get unchained() {
      return unchained;
    },
  };
}

const hashesOf = ({ hash, ought }: Standing): readonly string[] => (ought === undefined ? [hash] : [hash, ought]);

function altered(fact: RecordedFact): Fault {
  const before = fact.revision === 0 ? '' : `, or revision ${fact.revision - 1} was written again`;
  return faultOf('altered', fact, `${named(fact)} was altered after it was written${before}.`);
}

function missing({ stream, revision, position }: RecordedFact, { first, last, isSpoilt }: Gap): Fault {
  const [which, are] = first === last ? [`Revision ${first}`, 'is'] : [`Revisions ${first} to ${last}`, 'are'];
  const what = isSpoilt ? 'cannot be read' : `${are} missing`;
  const message = `${which} of ${stream} ${what}: revision ${revision} (position ${position}) comes next.`;
  const fault = stream === CHECKPOINTS ? 'missing-checkpoint' : 'missing';
  return { fault: isSpoilt ? 'unreadable' : fault, stream, revision: first, position, message };
}
