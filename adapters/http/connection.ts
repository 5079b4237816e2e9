/** The operation that lets someone in: GetSessionConnectionData. Its answer is the only one without a RequestId. */
import type { Operation } from './call.ts';
import { createItemReader } from './item-reader.ts';
import { MAX_LENGTH } from './limits.ts';
import { presentSession } from './present-session.ts';
import { subjectOf } from './refusals.ts';
import { badRequest, HttpProblem } from './reply.ts';

export function getSessionConnectionData(): Operation {
  return async (call) => {
    const [, sessionId, user] = call.path();
    const reader = createItemReader();
    const parameters = reader.outcome({
      sessionId: reader.required('sessionId', sessionId, MAX_LENGTH.sessionId),
      user: reader.required('user', user, MAX_LENGTH.user),
    });
    if ('rejected' in parameters) throw badRequest(parameters.rejected.reason);
    const result = await call.application.connectionData(parameters.done.sessionId, parameters.done.user);
    if ('rejected' in result) {
      const { code, reason } = result.rejected;
      throw new HttpProblem(400, reason, {}, { code, target: subjectOf('session', sessionId) });
    }
    return { Session: presentSession(result.done.session), ConnectionToken: result.done.connectionToken };
  };
}
