/**
 * The header Berth-Position: what a change answers with, and what a request sent to another broker may bring along, to be answered with that change in
 * view. One broker by itself needs none: it always answers with everything that it has acknowledged.
 */
import { LogBusyError } from '../../domain/ports/event-log.ts';
import type { Application } from '../application.ts';
import { badRequest, HttpProblem } from './reply.ts';

export const POSITION_HEADER = 'berth-position';
const RETRY_AFTER_SECONDS = '1';

/** Resolves when what is described here is as new as the request asks for; at once where it does not. Throws 400 for nonsense and 503 when that takes too long. */
export async function awaitPosition(request: Request, application: Pick<Application, 'reached'>): Promise<void> {
  const header = request.headers.get(POSITION_HEADER);
  if (header === null) return;
  const position = Number(header);
  if (!/^\d+$/.test(header) || !Number.isSafeInteger(position)) {
    throw badRequest('Berth-Position: expected a whole number, as an answer of this API has it.');
  }
  try {
    await application.reached(position);
  } catch (error) {
    if (!(error instanceof LogBusyError)) throw error;
    const message = `Berth-Position: this broker has not come to position ${position} in time; try again shortly.`;
    throw new HttpProblem(503, message, { 'retry-after': RETRY_AFTER_SECONDS });
  }
}
