/** Whether each stream is whole: every revision there, in order, and each fact tied to the one before. Keeps one hash a stream. */
import { NO_STREAM, type RecordedFact } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import { CHECKPOINTS } from './checkpoint.ts';
import { type Fault, faultOf } from './fault.ts';
import { genesis, hashRecorded, type Link } from './links.ts';

export interface ChainCheck {
  /** Facts come in the order of the log. Undefined: nothing is wrong. */
  check(fact: RecordedFact): Fault | undefined;
  /** Where a stream stands so far. */
  standing(stream: StreamName): Link | undefined;
  /** Streams seen, and facts older than the chain. */
  readonly streams: number;
  readonly unchained: number;
}

export function createChainCheck(): ChainCheck {
  const links = new Map<StreamName, Link>();
  let hasBegun = false;
  let unchained = 0;

  function check(fact: RecordedFact): Fault | undefined {
    const { stream, revision, hash } = fact;
    const before = links.get(stream);
    const expected = (before?.revision ?? NO_STREAM) + 1;
    if (revision < expected) return faultOf('misplaced', fact, `${stream} at revision ${revision} stands behind revision ${expected - 1}.`);
    // What a fact follows is known only if the fact before is there.
    const computed = revision === expected ? hashRecorded(before?.hash ?? genesis(stream), fact) : undefined;
    // One that is older than the chain stands for itself alone.
    links.set(stream, { revision, hash: hash ?? hashRecorded(genesis(stream), fact) });
    hasBegun ||= hash !== undefined;
    if (revision > expected) return missing(fact, expected);
    if (hash === undefined) return unchainedFault(fact);
    return hash === computed ? undefined : altered(fact);
  }

  function unchainedFault(fact: RecordedFact): Fault | undefined {
    if (hasBegun)
      return faultOf('unchained', fact, `${fact.stream} at revision ${fact.revision} has no hash, although older facts have one.`);
    unchained += 1;
    return undefined;
  }

  return {
    check,
    standing: (stream) => links.get(stream),
    get streams() {
      return links.size;
    },
    get unchained() {
      return unchained;
    },
  };
}

function altered(fact: RecordedFact): Fault {
  const { stream, revision, type } = fact;
  const before = revision === 0 ? '' : `, or the hash of revision ${revision - 1} was`;
  return faultOf('altered', fact, `${stream} at revision ${revision} (${type}) was altered after it was written${before}.`);
}

function missing({ stream, revision, position }: RecordedFact, expected: number): Fault {
  const which = expected === revision - 1 ? `Revision ${expected}` : `Revisions ${expected} to ${revision - 1}`;
  const what = stream === CHECKPOINTS ? ' These are checkpoints.' : '';
  const message = `${which} of ${stream} ${expected === revision - 1 ? 'is' : 'are'} missing: revision ${revision} comes next.${what}`;
  return { fault: stream === CHECKPOINTS ? 'missing-checkpoint' : 'missing', stream, revision: expected, position, message };
}
