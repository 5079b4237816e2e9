/**
 * The audit of a running broker: an index says where the facts are that somebody asks for, and the log says what they are. The index follows
 * the log behind everything else; nothing waits for it but whoever asks.
 */
import { LOG_START, type Position, type RecordedFact } from '../../domain/facts.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { type EventLog, LogBusyError } from '../../domain/ports/event-log.ts';
import { audit } from '../../projections/audit.ts';
import { AUDIT_SCHEMA } from '../../projections/audit-database.ts';
import type { AuditFilter } from '../../projections/audit-filter.ts';
import { createAuditQueries, type Place } from '../../projections/audit-queries.ts';
import { createProjector } from '../../projections/projector.ts';
import type { Page } from '../../projections/views.ts';
import type { Logger } from '../logging.ts';
import { openReadDatabase } from '../sqlite/read-database.ts';

export interface AuditPage extends Page<RecordedFact> {
  /** Up to here everything that was asked for is on this page or one before: where to go on, also when there is nothing yet. */
  readonly seen: Position;
}

export interface Audit {
  /** Oldest first, up to `limit` facts behind `after`. Knows everything that was acknowledged before; throws LogBusyError while the index is far behind. */
  page(filter: AuditFilter, limit: number, after?: Position): Promise<AuditPage>;
  /** The position of the newest fact that can be found. */
  newest(): Promise<Position>;
  /** True as soon as there is a fact behind `position`, false after `timeoutMs`. */
  newer(position: Position, timeoutMs: number): Promise<boolean>;
}

export interface OpenAudit extends Audit {
  close(): Promise<void>;
}

export interface AuditPorts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a call waits for the index. */
const PATIENCE_MS = 10_000;
/** Reads of the log at a time. */
const READS = 16;

/** `file`: that of the index, which is made anew where it is missing or cannot be used. */
export async function openAudit({ log, clock, logger }: AuditPorts, file: string, patienceMs = PATIENCE_MS): Promise<OpenAudit> {
  const database = await openReadDatabase(file, { logger, schema: AUDIT_SCHEMA });
  const projector = createProjector({ log, database, projections: [audit], logger, clock });
  await projector.start();
  const queries = createAuditQueries(database.reader);

  async function newest(): Promise<Position> {
    const known = log.known();
    if (await projector.reached(known, patienceMs)) return projector.position();
    throw new LogBusyError(`The index of the audit is at position ${projector.position()} of ${known}.`);
  }

  return {
    newest,
    newer: (position, timeoutMs) => projector.reached(position + 1, timeoutMs),
    async page(filter, limit, after = LOG_START) {
      const reached = await newest();
      const { items: places, next } = await queries.places(filter, limit, after);
      const facts = await readPlaces(log, places);
      const items = filter.requestId === undefined ? facts : facts.filter(({ requestId }) => requestId === filter.requestId);
      return next === undefined ? { items, seen: Math.max(reached, places.at(-1)?.position ?? after) } : { items, next, seen: next };
    },
    async close() {
      await projector.stop();
      await database.close();
    },
  };
}

/** In the order of the places. Facts that follow one another in a stream are read together. */
async function readPlaces(log: EventLog, places: readonly Place[]): Promise<readonly RecordedFact[]> {
  const runs = runsOf(places);
  const facts = new Map<Position, RecordedFact>();
  const reading = runs.values();
  await Promise.all(
    Array.from({ length: READS }, async () => {
      for (const { stream, first, length } of reading) {
        for (const fact of await log.readStream(stream, first, length)) facts.set(fact.position, fact);
      }
    }),
  );
  return places.flatMap(({ position }) => facts.get(position) ?? []);
}

interface Run {
  readonly stream: Place['stream'];
  readonly first: number;
  length: number;
}

function runsOf(places: readonly Place[]): readonly Run[] {
  const runs: Run[] = [];
  const latest = new Map<string, Run>();
  for (const { stream, revision } of places) {
    const run = latest.get(stream);
    if (run !== undefined && run.first + run.length === revision) {
      run.length += 1;
    } else {
      const fresh = { stream, first: revision, length: 1 };
      latest.set(stream, fresh);
      runs.push(fresh);
    }
  }
  return runs;
}
