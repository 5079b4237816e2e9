/** The operations on sessions: describeSessions, createSessions and deleteSessions. */
import { createSessionRequestData, deleteSessionRequestData, describeSessionsRequestData } from '../wire/sessions.ts';
import { AS_OF, momentIn, readMoment, readsAsOf } from './as-of.ts';
import { runBatch } from './batch.ts';
import type { Change, Operation, OperationTools } from './call.ts';
import { createItemReader } from './item-reader.ts';
import { MAX_LENGTH } from './limits.ts';
import { nextToken, pageSize, readIds } from './paging.ts';
import { presentSession } from './present-session.ts';
import { subjectOf } from './refusals.ts';
import { readFilters } from './session-filters.ts';
import { readSessionRequest } from './session-request.ts';
import { withoutNulls } from './without-nulls.ts';

export function describeSessions({ limits }: OperationTools): Operation {
  const model = describeSessionsRequestData.extend(AS_OF).optional();
  return async (call) => {
    const wish = (await call.body(model)) ?? {};
    const ids = readIds('SessionIds', wish.SessionIds, limits.batchItems);
    const filters = readFilters(wish.Filters ?? [], limits.batchItems);
    const asOf = readMoment(wish.AsOf);
    const query = ['sessions', ids, filters, ...momentIn(asOf)];
    const after = call.tokens.read(wish.NextToken, query);
    const selection = { ...filters, ids, limit: pageSize(wish.MaxResults), after };
    const page = await readsAsOf(call, asOf, (reads) => reads.describeSessions(selection));
    return {
      RequestId: call.origin.requestId,
      Sessions: page.items.map(presentSession),
      NextToken: nextToken(call.tokens, page, query),
    };
  };
}

/** Sessions that were refused have a history of their own. */
const IS_RECORDED: ReadonlySet<string> = new Set(['NO_SERVER', 'INVALID_REQUIREMENTS']);

export function createSessions({ limits }: OperationTools): Change {
  return async (call) => {
    const items = await call.items(createSessionRequestData);
    return async ({ origin, sessionId }) => {
      const answer = await runBatch(items, {
        read: (item, index) => readSessionRequest(item, limits, sessionId?.(index)),
        execute: (commands) => call.application.createSessions(commands, origin),
        succeeded: presentSession,
        failed: (item, { reason }) => ({ CreateSessionRequestData: withoutNulls(item), FailureReason: reason }),
        refused: (item, rejection) => {
          if (!IS_RECORDED.has(rejection.code)) call.refused(rejection, { owner: item.Owner ?? undefined }, origin);
        },
      });
      return { RequestId: origin.requestId, ...answer };
    };
  };
}

export function deleteSessions(): Change {
  return async (call) => {
    const items = await call.items(deleteSessionRequestData);
    return async ({ origin }) => {
      const answer = await runBatch(items, {
        read: (item) => {
          const reader = createItemReader();
          return reader.outcome({
            sessionId: reader.required('SessionId', item.SessionId, MAX_LENGTH.sessionId),
            owner: reader.required('Owner', item.Owner, MAX_LENGTH.user),
            force: item.Force ?? false,
          });
        },
        execute: (commands) => call.application.deleteSessions(commands, origin),
        succeeded: (state, item) => ({ SessionId: item.SessionId, State: state }),
        failed: (item, { reason }) => ({ SessionId: item.SessionId ?? undefined, FailureReason: reason }),
        refused: (item, rejection) =>
          call.refused(rejection, { target: subjectOf('session', item.SessionId), owner: item.Owner ?? undefined }, origin),
      });
      return { RequestId: origin.requestId, ...answer };
    };
  };
}
