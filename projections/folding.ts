/** Facts into rows: every projection's changes of one fact after the other, and a batch of them written as one transaction with the cursor. */
import type { RecordedFact } from '../domain/facts.ts';
import type { Changes } from './changes.ts';
import type { ReadDatabase } from './database.ts';
import type { Batch } from './following.ts';
import type { Projection } from './projection.ts';
import { createChangeWriter } from './writing.ts';

/** What is needed of a logger; pino's will do. */
export interface ProjectionLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Different complaints about facts that are ignored; a log full of them must not fill the other log. */
const COMPLAINT_LIMIT = 100;

export function createBatchWriter({ transactor }: ReadDatabase): (batch: Batch) => Promise<void> {
  const writer = createChangeWriter();
  return ({ changes, last: { position, stream, revision, id } }) =>
    transactor.transact(async (transaction) => {
      await writer.write(transaction, changes);
      await transaction.updateTable('cursor').set({ position, stream, revision, fact_id: id }).execute();
    });
}

/** What a projection does not know or cannot digest is ignored aloud: it will be no better the next time, and the others go on. */
export function createFold(projections: readonly Projection[], logger: ProjectionLogger): (fact: RecordedFact, changes: Changes) => void {
  const complaints = new Set<string>();

  function complain(projection: Projection, { position, type, stream }: RecordedFact, err: unknown): void {
    const complaint = `${projection.name} ${type}`;
    if (complaints.has(complaint) || complaints.size >= COMPLAINT_LIMIT) return;
    complaints.add(complaint);
    logger.warn(
      { projection: projection.name, type, stream, position, err },
      'a projection ignores a fact; later ones of this type are not reported',
    );
  }

  return (fact, changes) => {
    for (const projection of projections) {
      try {
        if (!projection.apply(fact, changes)) complain(projection, fact, undefined);
      } catch (error) {
        complain(projection, fact, error);
      }
    }
  };
}
