/** Every fact as it happened, for auditors: also those that leave no trace anywhere else. */
import type { ShapeOf } from './changes.ts';
import type { Projection } from './projection.ts';

const HISTORY: ShapeOf<'history'> = {
  table: 'history',
  key: ['position'],
  columns: ['stream', 'revision', 'type', 'time', 'cause_kind', 'cause_id', 'request_id', 'data'],
  whole: true,
};

export const history: Projection = {
  name: 'history',
  shapes: [HISTORY],
  apply({ position, stream, revision, type, time, cause, requestId, data }, changes) {
    const who = { cause_kind: cause.kind, cause_id: cause.id, request_id: requestId };
    changes.upsert(HISTORY, [position], { stream, revision, type, time, ...who, data });
    return true;
  },
};
