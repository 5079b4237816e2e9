import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { openReadsInUse } from '../../../adapters/replay/comparing.ts';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { openReadDatabase } from '../../../adapters/sqlite/read-database.ts';
import { streamName } from '../../../domain/ids.ts';
import { PROJECTIONS } from '../../../projections/all.ts';
import { replay } from '../../../projections/replay.ts';
import { createRecordingLogger, openReadModel, temporaryFolder } from '../../helpers/read-model.ts';
import { AGENT_CLIENT, description, wish } from '../../helpers/samples.ts';

/** Read models in use, and the same built anew. */
async function setUp(t: Test) {
  const log = openMemoryEventLog();
  const model = await openReadModel(t, log);
  const requested = { type: 'session.requested', data: wish() };
  for (const number of [1, 2, 3]) await model.record(streamName('session', `s${number}`), number, requested);
  await model.record(streamName('session', 's3'), 4, { type: 'session.deleted', data: { reason: 'Closed.' } });
  const server = [
    { type: 'server.registered', data: { agentClientId: AGENT_CLIENT } },
    { type: 'server.described', data: description({ hostname: 'h'.repeat(500) }) },
  ];
  await model.record(streamName('server', 'a'), 5, ...server);
  await model.record(streamName('api-client', 'c'), 6, {
    type: 'api-client.registered',
    data: { name: 'console', passwordHash: 'secret', scopes: null, owner: null },
  });
  const fresh = join(temporaryFolder(t), 'fresh.db');
  const database = await openReadDatabase(fresh, { logger: createRecordingLogger() });
  const head = await log.head();
  await replay({ log, database, projections: PROJECTIONS, logger: createRecordingLogger(), until: { position: head } });
  await database.close();
  return {
    head,
    fresh,
    inUse: model.file,
    async change(file: string, sql: string) {
      const connection = await openConnection(file, {});
      await connection.exec(sql);
      await connection.close();
    },
    async compare({ limit = 10, projections = PROJECTIONS } = {}) {
      const reads = await openReadsInUse(model.file, fresh);
      t.equal(reads.position, head);
      const comparison = await reads.compare(projections, limit);
      await reads.close();
      return comparison;
    },
  };
}

t.test('the same rows are no difference', async (t) => {
  const { compare } = await setUp(t);
  t.strictSame(await compare(), { rows: 0, differences: [] });
});

t.test('each difference is named: table, row, column and both values', async (t) => {
  const { compare, change, inUse, fresh } = await setUp(t);
  await change(inUse, "UPDATE sessions SET state = 'READY', server_id = 'a' WHERE id = 's1'; DELETE FROM sessions WHERE id = 's2'");
  await change(inUse, "INSERT INTO slots VALUES ('a', 's1', 'VIRTUAL', 'ann', 1); UPDATE servers SET description = NULL");
  await change(fresh, "UPDATE credentials SET hash = 'x'");
  const { rows, differences } = await compare();
  t.equal(rows, 5);
  t.match(differences, [
    { table: 'sessions', row: { id: 's2' }, only: 'rebuilt' },
    { table: 'sessions', row: { id: 's1' }, column: 'state', inUse: 'READY', rebuilt: 'CREATING' },
    { table: 'sessions', row: { id: 's1' }, column: 'server_id', inUse: 'a', rebuilt: null },
    { table: 'servers', row: { id: 'a' }, column: 'description', inUse: null, rebuilt: /^\{.{199} …$/ },
    { table: 'slots', row: { server_id: 'a', session_id: 's1' }, only: 'inUse' },
    { table: 'credentials', row: { kind: 'api-client', id: 'c' }, column: 'hash', inUse: '(a hash)', rebuilt: '(another)' },
  ]);
  t.notMatch(JSON.stringify(differences), /secret/);
  const servers = PROJECTIONS.filter(({ name }) => name === 'servers');
  t.match(await compare({ projections: servers }), { rows: 2 }, 'of one read model only');
});

t.test('all differences are counted, and as many are named as one likes to read', async (t) => {
  const { compare, change, inUse } = await setUp(t);
  await change(inUse, "UPDATE sessions SET name = 'wrong'");
  t.match(await compare({ limit: 2 }), { rows: 3, differences: { length: 2 } });
});

t.test('sessions that were forgotten because they were deleted long ago are no difference', async (t) => {
  const { compare, change, inUse, fresh } = await setUp(t);
  await change(inUse, "DELETE FROM sessions WHERE id = 's3'");
  t.match(await compare(), { rows: 1 });
  await change(inUse, 'UPDATE cursor SET purged_before = 5');
  t.match(await compare(), { rows: 0 });
  await change(fresh, "DELETE FROM sessions WHERE id = 's2'");
  t.match(await compare(), { differences: [{ row: { id: 's2' }, only: 'inUse' }] }, 'others are');
});

t.test('they stand still for whoever compares, and for nobody else', async (t) => {
  const { change, inUse, fresh, head } = await setUp(t);
  const reads = await openReadsInUse(inUse, fresh);
  await change(inUse, "UPDATE sessions SET name = 'later'; UPDATE cursor SET position = position + 1");
  t.equal(reads.position, head);
  t.match(await reads.compare(PROJECTIONS, 10), { rows: 0 });
  await reads.close();
});

t.test('what cannot be compared with is refused with the reason', async (t) => {
  const { change, inUse, fresh } = await setUp(t);
  await change(inUse, 'PRAGMA user_version = 1');
  await t.rejects(openReadsInUse(inUse, fresh), { message: /^its tables are those of another version of Berth \(1, here \d+\)$/ });
  await t.rejects(openReadsInUse(join(inUse, 'missing'), fresh), { code: 'SQLITE_CANTOPEN' });
});
