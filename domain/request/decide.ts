/** What follows from a command to a request, given all that happened to it so far. Already done is `{ accepted: [] }`. */
import { accepted, type Decision, rejected } from '../decision.ts';
import type { RequestCommand } from './commands.ts';
import type { RequestEvent } from './events.ts';
import type { RequestSnapshot } from './machine.ts';

type Command<T extends RequestCommand['type']> = Extract<RequestCommand, { type: T }>;
type RequestDecision = Decision<RequestEvent>;

export function decideRequest(snapshot: RequestSnapshot, command: RequestCommand): RequestDecision {
  switch (command.type) {
    case 'accept':
      return accept(snapshot, command);
    case 'answer':
      return answer(snapshot, command);
  }
}

/** The same request within its time changes nothing: whoever asks sees in the state whether it was answered. */
function accept({ value, context }: RequestSnapshot, command: Command<'accept'>): RequestDecision {
  const { operation, fingerprint, now, expires } = command;
  if (value === 'unknown' || now >= context.expires) {
    return accepted({ type: 'request.accepted', data: { operation, fingerprint, expires } });
  }
  if (fingerprint !== context.fingerprint)
    return rejected('KEY_REUSED', 'This key was used for another request; a new request takes a new key.');
  return accepted();
}

/** Who is still at work on an earlier round is too late: nobody asks for its answer any more. */
function answer({ value, context }: RequestSnapshot, { round, status, body }: Command<'answer'>): RequestDecision {
  if (value !== 'pending' || round !== context.round) return accepted();
  return accepted({ type: 'request.answered', data: { status, body } });
}
