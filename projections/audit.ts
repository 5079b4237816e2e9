/** What facts are found by: the projection of the index of the audit. Every fact is in it, whatever it is about. */
import { keysOf } from './audit-filter.ts';
import type { ShapeOf } from './changes.ts';
import type { Projection } from './projection.ts';

const AUDIT: ShapeOf<'audit'> = {
  table: 'audit',
  key: ['position'],
  columns: ['stream', 'revision', 'type', 'time', 'request', 'client', 'owner', 'target'],
  whole: true,
};

const HOURS: ShapeOf<'audit_hours'> = {
  table: 'audit_hours',
  key: ['hour'],
  columns: ['first_position', 'last_position'],
  whole: false,
};

const HOUR_MS = 3_600_000;
/** Of a UUID, 48 bits. */
const REQUEST_LENGTH = 13;

/** Hours since 1970 (UTC). */
export const hourOf = (time: number): number => Math.floor(time / HOUR_MS);

export const beginningOf = (requestId: string): string => requestId.slice(0, REQUEST_LENGTH);

export const audit: Projection = {
  name: 'audit',
  shapes: [AUDIT, HOURS],
  apply(fact, changes) {
    const { position, stream, revision, type, time, requestId } = fact;
    changes.upsert(AUDIT, [position], { stream, revision, type, time, request: beginningOf(requestId), ...keysOf(fact) });
    changes.upsert(HOURS, [hourOf(time)], { last_position: position }, { first_position: position });
    return true;
  },
};
