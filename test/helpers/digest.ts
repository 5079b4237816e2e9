/** A fingerprint of all that happened in a simulation. Where the same seed gives another one, something in it hangs on real time or on the machine. */
import { createHash } from 'node:crypto';
import type { RecordedFact } from '../../domain/facts.ts';

export interface Digest {
  add(facts: readonly RecordedFact[]): void;
  /** Hexadecimal, of everything added so far, in order. */
  text(): string;
}

export function createDigest(): Digest {
  const hash = createHash('sha256');
  return {
    add(facts) {
      for (const fact of facts) hash.update(JSON.stringify(fact));
    },
    text: () => hash.copy().digest('hex'),
  };
}
