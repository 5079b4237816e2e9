/** The edge where what was thrown becomes an answer: problems are told, a busy broker says when to come back, faults are logged once. */
import { LogBusyError, LogFault } from '../../domain/ports/event-log.ts';
import type { Logger } from '../logging.ts';
import { PasswordsBusyError } from '../passwords.ts';
import { HttpProblem, refuse, reply } from './reply.ts';

const RETRY_AFTER_SECONDS = '1';
const OUT_OF_REACH = 'The broker cannot reach its log; what was asked for may have been done or not.';

/** The answer to a request that threw `error`. Its caller learns nothing of our insides but the id under which the log has them. */
export function answerThrown(error: unknown, requestId: string, log: Pick<Logger, 'error'>): Response {
  if (error instanceof HttpProblem) return refuse(error.status, error.message, error.headers);
  if (error instanceof LogBusyError || error instanceof PasswordsBusyError) {
    return refuse(503, 'The broker is busy; try again shortly.', { 'retry-after': RETRY_AFTER_SECONDS });
  }
  log.error({ err: error, requestId }, 'A request failed');
  if (error instanceof LogFault) return reply(503, { error: OUT_OF_REACH, RequestId: requestId }, { 'retry-after': RETRY_AFTER_SECONDS });
  return reply(500, { error: 'Internal error', RequestId: requestId });
}
