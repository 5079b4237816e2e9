/**
 * What the event log says to SQLite. Many values travel as one JSON parameter: one statement, one trip to the thread pool, one prepared
 * text for every size of group. `jsonb_each` (SQLite 3.51 and later) takes it apart without rendering each row again, which makes an
 * insert a third faster than `json_each` or a long VALUES list.
 */

import { type Cause, LOG_START, type Position, type RecordedFact, type Revision } from '../../domain/facts.ts';
import type { FactId, RequestId, StreamName } from '../../domain/ids.ts';
import type { Removal } from '../../domain/ports/event-log.ts';
import type { Draft } from '../drafts.ts';
import type { Connection } from './connection.ts';

/** Where a stream stands. `first` is the position of its first fact, by which the tables know the stream; LOG_START for one whose facts were all removed. */
export interface StreamHead {
  readonly first: Position;
  readonly revision: Revision;
}

/** Facts that may already stand in a stream, at `fromRevision` and behind it. */
export interface Candidate {
  readonly first: Position;
  readonly fromRevision: Revision;
  readonly ids: readonly FactId[];
}

const INSERT = `
  INSERT INTO facts (position, stream, revision, name, id, type, schema_version, time, cause_kind, cause_id, request_id, hash, data)
  SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8, value->>9, value->>10,
    value->>11, value->12
  FROM jsonb_each(?)`;

const STREAM_HEADS = `
  SELECT first.name, first.position AS first, (SELECT max(revision) FROM facts WHERE stream = first.position) AS revision
  FROM facts AS first WHERE first.name IN (SELECT value FROM json_each(?1))
  UNION ALL
  SELECT name, ${LOG_START}, revision FROM removed WHERE name IN (SELECT value FROM json_each(?1))
    AND NOT EXISTS (SELECT 1 FROM facts WHERE facts.name = removed.name)`;

const REMOVE_FACTS = 'DELETE FROM facts WHERE stream IN (SELECT value ->> 0 FROM json_each(?))';
const NOTE_REMOVALS = 'INSERT OR REPLACE INTO removed SELECT value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)';

const REPEATED = `
  SELECT candidate.key AS candidate, max(fact.position) AS position
  FROM jsonb_each(?) AS candidate
    CROSS JOIN jsonb_each(candidate.value, '$[2]') AS wanted
    CROSS JOIN facts AS fact ON fact.stream = candidate.value->>0 AND fact.revision = (candidate.value->>1) + wanted.key
  WHERE fact.id = wanted.value
  GROUP BY candidate.key HAVING count(*) = candidate.value->>3`;

/**
 * A page of facts is one JSON text of arrays in the order of `PackedFact`. Parsing it takes a quarter of what taking over rows column by column does, and
 * data, which is JSON already, passes through unread.
 */
const PACKED = `rtrim(json_array(fact.position, first.name, fact.revision, fact.id, fact.type, fact.schema_version, fact.time,
    fact.cause_kind, fact.cause_id, fact.request_id, fact.hash), ']') || ',' || fact.data || ']'`;
const page = (where: string, order: string) => `
  SELECT '[' || coalesce(group_concat(packed, ',' ORDER BY place), '') || ']' AS facts FROM (
    SELECT ${PACKED} AS packed, ${order} AS place
    FROM facts AS fact CROSS JOIN facts AS first ON first.position = fact.stream
    WHERE ${where} ORDER BY ${order} LIMIT ?)`;
const LOG_PAGE = page('fact.position > ? AND fact.position <= ?', 'fact.position');
const STREAM_PAGE = page(
  'fact.stream = (SELECT position FROM facts WHERE name = ?) AND fact.revision >= ? AND fact.position <= ?',
  'fact.revision',
);

type PackedFact = readonly [
  position: Position,
  stream: StreamName,
  revision: Revision,
  id: FactId,
  type: string,
  schemaVersion: number,
  time: number,
  causeKind: Cause['kind'],
  causeId: string,
  requestId: RequestId,
  /** Null in facts that are older than the chain. */
  hash: string | null,
  data: object,
];

/** One fact as an element of the parameter of `insertFacts`. */
export function insertRow({ fact, data }: Draft, first: Position, { position, revision, stream }: Omit<RecordedFact, 'data'>): string {
  const name = position === first ? stream : null;
  const { id, type, schemaVersion, time, cause, requestId, hash } = fact;
  const envelope = JSON.stringify([position, first, revision, name, id, type, schemaVersion, time, cause.kind, cause.id, requestId, hash]);
  return `${envelope.slice(0, -1)},${data}]`;
}

/** All or none, and on disk when it resolves. */
export async function insertFacts(connection: Connection, rows: readonly string[]): Promise<void> {
  if (rows.length === 0) {
    return;
  }
  await connection.run(INSERT, [`[${rows.join()}]`]);
}

export async function readHead(connection: Connection): Promise<Position> {
  const rows = await connection.all<{ readonly head: Position | null }>('SELECT max(position) AS head FROM facts');
  return rows.reduce((_, { head }) => head ?? LOG_START, LOG_START);
}

/** Streams that hold nothing are missing from the answer. */
export function readStreamHeads(
  connection: Connection,
  names: Iterable<StreamName>,
): Promise<(StreamHead & { readonly name: StreamName })[]> {
  return connection.all(STREAM_HEADS, [JSON.stringify([...names])]);
}

/** A stream whose facts are to be taken out. */
export interface Leaving {
  readonly stream: StreamName;
  readonly first: Position;
  readonly removal: Removal;
}

/** All or none, and on disk when it resolves. */
export async function removeFacts(connection: Connection, leaving: readonly Leaving[]): Promise<void> {
  const rows = JSON.stringify(leaving.map(({ stream, first, removal: { revision, hash, note } }) => [first, stream, revision, hash, note]));
  await connection.exec('BEGIN IMMEDIATE');
  try {
    await connection.run(REMOVE_FACTS, [rows]);
    await connection.run(NOTE_REMOVALS, [rows]);
    await connection.exec('COMMIT');
  } catch (error) {
    await connection.exec('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

export async function readRemoval(connection: Connection, stream: StreamName): Promise<Removal | undefined> {
  const [removal] = await connection.all<Removal>('SELECT revision, hash, note FROM removed WHERE name = ?', [stream]);
  return removal;
}

export async function readRemovalNotes(connection: Connection): Promise<Map<string, number>> {
  const rows = await connection.all<{ readonly note: string; readonly streams: number }>(
    'SELECT note, count(*) AS streams FROM removed GROUP BY note',
  );
  return new Map(rows.map(({ note, streams }) => [note, streams]));
}

export async function hasRemovals(connection: Connection): Promise<boolean> {
  return (await connection.all('SELECT 1 FROM removed LIMIT 1')).length > 0;
}

/** The stream that holds the newest fact, as the tables know it. */
export async function readNewestStream(connection: Connection): Promise<Position> {
  const rows = await connection.all<{ readonly stream: Position }>('SELECT stream FROM facts ORDER BY position DESC LIMIT 1');
  return rows.reduce((_, { stream }) => stream, LOG_START);
}

/** The index of each candidate whose facts all stand where it says, with the position of its last fact. */
export async function readRepeated(connection: Connection, candidates: readonly Candidate[]): Promise<Map<number, Position>> {
  const parameter = JSON.stringify(candidates.map(({ first, fromRevision, ids }) => [first, fromRevision, ids, ids.length]));
  const rows = await connection.all<{ readonly candidate: number; readonly position: Position }>(REPEATED, [parameter]);
  return new Map(rows.map(({ candidate, position }) => [candidate, position]));
}

/** Facts behind `after` up to and including `head`. */
export function readLogPage(connection: Connection, after: Position, head: Position, limit: number): Promise<RecordedFact[]> {
  return readPage(connection, LOG_PAGE, [after, head, limit]);
}

export function readStreamPage(
  connection: Connection,
  stream: StreamName,
  head: Position,
  { fromRevision, limit }: { readonly fromRevision: Revision; readonly limit: number },
): Promise<RecordedFact[]> {
  return readPage(connection, STREAM_PAGE, [stream, fromRevision, head, limit]);
}

async function readPage(connection: Connection, sql: string, parameters: readonly unknown[]): Promise<RecordedFact[]> {
  const rows = await connection.all<{ readonly facts: string }>(sql, parameters);
  return rows.flatMap(({ facts }) => (JSON.parse(facts) as PackedFact[]).map(toFact));
}

function toFact(packed: PackedFact): RecordedFact {
  const [position, stream, revision, id, type, schemaVersion, time, kind, causeId, requestId, hash, data] = packed;
  const cause = { kind, id: causeId };
  // Spelled out twice, because spreading costs more than all the rest.
  if (hash === null) return { position, stream, revision, id, type, schemaVersion, time, cause, requestId, data };
  return { position, stream, revision, id, type, schemaVersion, time, cause, requestId, data, hash };
}
