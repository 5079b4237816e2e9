/**
 * How facts grow old. What is stored never changes; when a type of fact gets a better shape, its version goes up by one, and an upcaster
 * makes data of the version before into data of the new one whenever such a fact is read. Machines and projections know the newest shapes only.
 */
import type { RecordedFact, Statement } from './facts.ts';

/** Pure, and total over everything that was ever stored in that version. */
export type Upcaster = (data: object) => object;

/**
 * For each type of fact, what lifts its data from one version to the next: the first from 1 to 2, and so on. A type without upcasters
 * stands at version 1, so this is also where each type's version is kept.
 */
export type Upcasters<S extends Statement> = { readonly [Type in S['type']]: readonly Upcaster[] };

/** A fact of a later version of Berth. Whoever guessed at it could do what the fact forbids, so nobody does. */
export class StrangeFactError extends Error {
  override readonly name = 'StrangeFactError';
}

export interface Lifting {
  /** The version in which facts of this type are written. */
  versionOf(type: string): number;
  /**
   * The fact in the shape of its newest version. The same fact where it has that already, and where it is about something that this
   * version of Berth knows nothing of. Throws StrangeFactError for an unknown type or version of what it does know.
   */
  lift(fact: RecordedFact): RecordedFact;
}

export function createLifting(upcasters: Readonly<Record<string, readonly Upcaster[]>>): Lifting {
  const byType = new Map(Object.entries(upcasters));
  const subjects = new Set([...byType.keys()].map(subjectOf));
  return {
    versionOf: (type) => (byType.get(type)?.length ?? 0) + 1,
    lift(fact) {
      const steps = byType.get(fact.type);
      const version = fact.schemaVersion;
      if (version - 1 === steps?.length) return fact;
      if (steps === undefined && !subjects.has(subjectOf(fact.type))) return fact;
      if (steps === undefined || version < 1 || version > steps.length) throw strange(fact, steps);
      const data = steps.slice(version - 1).reduce((older, upcast) => upcast(older), fact.data);
      return { ...fact, data, schemaVersion: steps.length + 1 };
    },
  };
}

/** What stands before the dot. */
const subjectOf = (type: string): string => type.slice(0, type.indexOf('.'));

function strange({ type, stream, position, schemaVersion }: RecordedFact, steps: readonly Upcaster[] | undefined): StrangeFactError {
  const what = steps === undefined ? 'does not know this type' : `knows it up to version ${steps.length + 1}`;
  return new StrangeFactError(
    `The fact at position ${position} (${stream}) is ${type} in version ${schemaVersion}, and this version of Berth ${what}. ` +
      'A newer Berth writes to this log; use that one.',
  );
}
