/** The operation on permissions: updateSessionPermissions. */
import { updateSessionPermissionsRequestData } from '../wire/permissions.ts';
import { runBatch } from './batch.ts';
import type { Change } from './call.ts';
import { createItemReader } from './item-reader.ts';
import { MAX_LENGTH } from './limits.ts';
import { subjectOf } from './refusals.ts';

export function updateSessionPermissions(): Change {
  return async (call) => {
    const items = await call.items(updateSessionPermissionsRequestData);
    return async ({ origin }) => {
      const answer = await runBatch(items, {
        read: (item) => {
          const reader = createItemReader();
          reader.refuseIf(!item.PermissionsFile, 'PermissionsFile is missing.');
          return reader.outcome({
            sessionId: reader.required('SessionId', item.SessionId, MAX_LENGTH.sessionId),
            owner: reader.required('Owner', item.Owner, MAX_LENGTH.user),
            permissionsFile: reader.permissions('PermissionsFile', item.PermissionsFile, MAX_LENGTH.permissionsFile) ?? '',
          });
        },
        execute: (commands) => call.application.updateSessionPermissions(commands, origin),
        succeeded: (sessionId) => ({ SessionId: sessionId }),
        failed: (item, { reason }) => ({ SessionId: item.SessionId ?? undefined, FailureReason: reason }),
        refused: (item, rejection) =>
          call.refused(rejection, { target: subjectOf('session', item.SessionId), owner: item.Owner ?? undefined }, origin),
      });
      return { RequestId: origin.requestId, ...answer };
    };
  };
}
