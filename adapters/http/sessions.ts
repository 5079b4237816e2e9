/** The operations on sessions: describeSessions, createSessions and deleteSessions. */
import type { z } from 'zod';
import type { SessionQuery } from '../application.ts';
import { createSessionRequestData, deleteSessionRequestData, describeSessionsRequestData } from '../wire/sessions.ts';
import { runBatch } from './batch.ts';
import type { Change, Operation, OperationTools } from './call.ts';
import { createItemReader } from './item-reader.ts';
import { MAX_LENGTH } from './limits.ts';
import { nextToken, pageSize, readIds } from './paging.ts';
import { presentSession } from './present-session.ts';
import { badRequest } from './reply.ts';
import { readSessionRequest } from './session-request.ts';
import { withoutNulls } from './without-nulls.ts';

const TAG = 'tag:';

export function describeSessions({ application, tokens, limits }: OperationTools): Operation {
  const model = describeSessionsRequestData.optional();
  return async (call) => {
    const wish = (await call.body(model)) ?? {};
    const ids = readIds('SessionIds', wish.SessionIds, limits.batchItems);
    const { owners, tags } = readFilters(wish, limits.batchItems);
    const query = ['sessions', ids, owners, tags];
    const after = tokens.read(wish.NextToken, query);
    const page = await application.describeSessions({ ids, owners, tags, limit: pageSize(wish.MaxResults), after });
    return {
      RequestId: call.origin.requestId,
      Sessions: page.items.map(presentSession),
      NextToken: nextToken(tokens, page, query),
    };
  };
}

export function createSessions({ application, limits }: OperationTools): Change {
  return async (call) => {
    const items = await call.items(createSessionRequestData);
    return async ({ origin, sessionId }) => {
      const answer = await runBatch(items, {
        read: (item, index) => readSessionRequest(item, limits, sessionId?.(index)),
        execute: (commands) => application.createSessions(commands, origin),
        succeeded: presentSession,
        failed: (item, { reason }) => ({ CreateSessionRequestData: withoutNulls(item), FailureReason: reason }),
      });
      return { RequestId: origin.requestId, ...answer };
    };
  };
}

export function deleteSessions({ application }: OperationTools): Change {
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
        execute: (commands) => application.deleteSessions(commands, origin),
        succeeded: (state, item) => ({ SessionId: item.SessionId, State: state }),
        failed: (item, { reason }) => ({ SessionId: item.SessionId ?? undefined, FailureReason: reason }),
      });
      return { RequestId: origin.requestId, ...answer };
    };
  };
}

/** Several owners: one of them. Several tags: all of them. Owners and tags: both. */
function readFilters(
  { Filters: filters }: z.infer<typeof describeSessionsRequestData>,
  limit: number,
): Pick<SessionQuery, 'owners' | 'tags'> {
  if (!filters?.length) return {};
  if (filters.length > limit) throw badRequest(`Filters: more than ${limit} of them.`);
  const owners: string[] = [];
  const tags: { key: string; value: string }[] = [];
  for (const [index, { Key: key, Value: value }] of filters.entries()) {
    if (typeof value !== 'string') throw badRequest(`Filters[${index}].Value: missing.`);
    if (key === 'owner') owners.push(value);
    else if (key?.startsWith(TAG) && key !== TAG) tags.push({ key: key.slice(TAG.length), value });
    else throw badRequest(`Filters[${index}].Key: ${JSON.stringify(key ?? null)} is not known; use owner or tag:<key>.`);
  }
  return { owners: owners.length === 0 ? undefined : owners, tags: tags.length === 0 ? undefined : tags };
}
