/** The operations on servers: describeServers, openServers and closeServers. */
import { closeServerRequestData, describeServersRequestData, openServerRequestData } from '../wire/servers.ts';
import { AS_OF, momentIn, readMoment, readsAsOf } from './as-of.ts';
import { runBatch } from './batch.ts';
import type { Change, Operation, OperationTools } from './call.ts';
import { createItemReader } from './item-reader.ts';
import { MAX_LENGTH } from './limits.ts';
import { nextToken, pageSize, readIds } from './paging.ts';
import { presentServer } from './present-server.ts';
import { subjectOf } from './refusals.ts';
import { withoutNulls } from './without-nulls.ts';

export function describeServers({ limits }: OperationTools): Operation {
  const model = describeServersRequestData.extend(AS_OF).optional();
  return async (call) => {
    const wish = (await call.body(model)) ?? {};
    const ids = readIds('ServerIds', wish.ServerIds, limits.batchItems);
    const asOf = readMoment(wish.AsOf);
    const query = ['servers', ids, ...momentIn(asOf)];
    const after = call.tokens.read(wish.NextToken, query);
    const selection = { ids, limit: pageSize(wish.MaxResults), after };
    const page = await readsAsOf(call, asOf, (reads) => reads.describeServers(selection));
    return {
      RequestId: call.origin.requestId,
      Servers: page.items.map(presentServer),
      NextToken: nextToken(call.tokens, page, query),
    };
  };
}

export function openServers(): Change {
  return async (call) => {
    const items = await call.items(openServerRequestData);
    return async ({ origin }) => {
      const answer = await runBatch(items, {
        read: (item) => {
          const reader = createItemReader();
          return reader.outcome({ serverId: reader.required('ServerId', item.ServerId, MAX_LENGTH.serverId) });
        },
        execute: (commands) => call.application.openServers(commands, origin),
        succeeded: (serverId) => ({ ServerId: serverId }),
        failed: (item, { code, reason }) => ({
          OpenServerRequestData: withoutNulls(item),
          FailureCode: code,
          FailureReason: reason,
        }),
        refused: (item, rejection) => call.refused(rejection, { target: subjectOf('server', item.ServerId) }, origin),
      });
      return { RequestId: origin.requestId, ...answer };
    };
  };
}

export function closeServers(): Change {
  return async (call) => {
    const items = await call.items(closeServerRequestData);
    return async ({ origin }) => {
      const answer = await runBatch(items, {
        read: (item) => {
          const reader = createItemReader();
          return reader.outcome({
            serverId: reader.required('ServerId', item.ServerId, MAX_LENGTH.serverId),
            force: item.Force ?? false,
          });
        },
        execute: (commands) => call.application.closeServers(commands, origin),
        succeeded: (serverId) => ({ ServerId: serverId }),
        failed: (item, { code, reason }) => ({
          CloseServerRequestData: withoutNulls(item),
          FailureCode: code,
          FailureReason: reason,
        }),
        refused: (item, rejection) => call.refused(rejection, { target: subjectOf('server', item.ServerId) }, origin),
      });
      return { RequestId: origin.requestId, ...answer };
    };
  };
}
