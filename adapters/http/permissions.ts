/** The operation on permissions: updateSessionPermissions. */
import { updateSessionPermissionsRequestData } from '../wire/permissions.ts';
import { runBatch } from './batch.ts';
import type { Operation, OperationTools } from './call.ts';
import { createItemReader } from './item-reader.ts';
import { MAX_LENGTH } from './limits.ts';

export function updateSessionPermissions({ application }: OperationTools): Operation {
  return async (call) => {
    const answer = await runBatch(await call.items(updateSessionPermissionsRequestData), {
      read: (item) => {
        const reader = createItemReader();
        reader.refuseIf(!item.PermissionsFile, 'PermissionsFile is missing.');
        return reader.outcome({
          sessionId: reader.required('SessionId', item.SessionId, MAX_LENGTH.sessionId),
          owner: reader.required('Owner', item.Owner, MAX_LENGTH.user),
          permissionsFile: reader.base64('PermissionsFile', item.PermissionsFile, MAX_LENGTH.permissionsFile) ?? '',
        });
      },
      execute: (commands) => application.updateSessionPermissions(commands, call.origin),
      succeeded: (sessionId) => ({ SessionId: sessionId }),
      failed: (item, { reason }) => ({ SessionId: item.SessionId ?? undefined, FailureReason: reason }),
    });
    return { RequestId: call.origin.requestId, ...answer };
  };
}
