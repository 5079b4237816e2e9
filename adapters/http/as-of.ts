/**
 * AsOf in the body of a Describe call: the answer as it would have been at a moment in the past. It is no field of the document, because generated clients
 * are those of the original; docs/replay.md tells of it.
 */
import { z } from 'zod';
import type { Until } from '../../projections/replay.ts';
import { AS_OF_FORM, AsOfError, readAsOf } from '../replay/as-of.ts';
import { PastBusyError } from '../replay/past.ts';
import type { PastReads } from '../replay/past-reads.ts';
import type { Call } from './call.ts';
import { badRequest, HttpProblem } from './reply.ts';

/** The field, for a model that takes it besides its own. */
export const AS_OF = { AsOf: z.unknown().optional() };

/** Undefined: as of now. Throws 400 for what is no moment. */
export function readMoment(asOf: unknown): Until | undefined {
  if (asOf === undefined || asOf === null) return undefined;
  const until = readAsOf(asOf);
  if (until === undefined) throw badRequest(`AsOf: expected ${AS_OF_FORM}.`);
  return until;
}

/** For the tokens of pages: each belongs to one moment, and those of the present are what they always were. */
export const momentIn = (asOf: Until | undefined): readonly Until[] => (asOf === undefined ? [] : [asOf]);

/** Asks the read models as they are, or as they were. Throws 400 for a moment that has not come yet, and 503 where the past has to be asked for again. */
export async function readsAsOf<T>(
  { application, past }: Pick<Call, 'application' | 'past'>,
  asOf: Until | undefined,
  ask: (reads: PastReads) => Promise<T>,
): Promise<T> {
  if (asOf === undefined) return ask(application);
  try {
    return await past.asOf(asOf, ask);
  } catch (error) {
    if (error instanceof AsOfError) throw badRequest(`AsOf: ${error.message}.`);
    if (!(error instanceof PastBusyError)) throw error;
    throw new HttpProblem(503, `AsOf: ${error.message}`, { 'retry-after': String(error.retryAfterSeconds) });
  }
}
