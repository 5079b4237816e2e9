/** A read model over a log in memory, in real SQLite, as the broker has it. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { openConnection } from '../../adapters/sqlite/connection.ts';
import { openReadDatabase } from '../../adapters/sqlite/read-database.ts';
import { systemClock } from '../../adapters/system.ts';
import type { NewFact, Statement } from '../../domain/facts.ts';
import { factId, type StreamName } from '../../domain/ids.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import { PROJECTIONS } from '../../projections/all.ts';
import type { ReadDatabase } from '../../projections/database.ts';
import type { ProjectionLogger } from '../../projections/folding.ts';
import { createProjector, type Projector } from '../../projections/projector.ts';
import { ORIGIN } from './samples.ts';

/** Where what was said can be read afterwards. */
export interface RecordingLogger extends ProjectionLogger {
  readonly lines: readonly { readonly level: string; readonly details: object; readonly message: string }[];
}

export function createRecordingLogger(): RecordingLogger {
  const lines: { level: string; details: object; message: string }[] = [];
  const at = (level: string) => (details: object, message: string) => void lines.push({ level, details, message });
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
}

/** A folder that is gone after the test. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'berth-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A fact with this time; everything else about it is plain. */
export const factOf = (statement: Statement, time: number): NewFact => ({
  ...statement,
  ...ORIGIN,
  id: factId(randomUUID()),
  schemaVersion: 1,
  time,
});

export interface ReadModel {
  readonly file: string;
  readonly log: EventLog;
  readonly database: ReadDatabase;
  readonly projector: Projector;
  readonly logger: RecordingLogger;
  /** Appends to the end of a stream, at a time, and waits until it can be read. */
  record(stream: StreamName, time: number, ...statements: readonly Statement[]): Promise<void>;
  close(): Promise<void>;
}

export async function openReadModel(t: Test, log: EventLog = openMemoryEventLog(), file?: string): Promise<ReadModel> {
  const path = file ?? join(temporaryFolder(t), 'read.db');
  const logger = createRecordingLogger();
  const database = await openReadDatabase(path, { logger });
  const projector = createProjector({ log, database, projections: PROJECTIONS, logger, clock: systemClock });
  await projector.start();
  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    await projector.stop();
    await database.close();
  }
  const closeOnce = () => {
    closed ??= close();
    return closed;
  };
  t.teardown(closeOnce);
  return {
    file: path,
    log,
    database,
    projector,
    logger,
    async record(stream, time, ...statements) {
      const revision = (await log.readStream(stream, 0, 10_000)).length - 1;
      await log.append(
        stream,
        revision,
        statements.map((statement) => factOf(statement, time)),
      );
      await projector.reached(await log.head(), 10_000);
    },
    close: closeOnce,
  };
}

/** Every table with every row, in the order of their keys: two read models are the same if this is. */
export async function dump(file: string): Promise<Record<string, readonly object[]>> {
  const connection = await openConnection(file, { readonly: true });
  const tables = await connection.all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  const contents: Record<string, readonly object[]> = {};
  for (const { name } of tables) contents[name] = await connection.all<object>(`SELECT * FROM ${name}`);
  await connection.close();
  return contents;
}
