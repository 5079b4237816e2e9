import t from 'tap';
import { EVERYTHING, NOTHING } from '../../domain/access/reach.ts';
import { streamName } from '../../domain/ids.ts';
import { createAccessQueries } from '../../projections/access-queries.ts';
import { openReadModel } from '../helpers/read-model.ts';

t.test('the credentials that count are known with their hashes and how far they reach, and revoked ones are not', async (t) => {
  const model = await openReadModel(t);
  const access = createAccessQueries(model.database.reader);
  for (const [id, name, reach] of [
    ['1-1', 'auditor', { scopes: ['audit:read', 'sessions:read'], owner: null }],
    ['1-3', 'ann', { scopes: null, owner: "ann's" }],
  ] as const) {
    await model.record(streamName('api-client', id), 1, { type: 'api-client.registered', data: { name, passwordHash: 'slow', ...reach } });
  }
  await model.record(streamName('api-client', '1-2'), 1, {
    type: 'api-client.registered',
    data: { name: 'console', passwordHash: 'slow', scopes: null, owner: null },
  });
  await model.record(streamName('software-statement', '2'), 1, { type: 'software-statement.issued', data: { statementHash: 'fast' } });
  const enrolled = { name: 'host-1', secretHash: 'secret', statementId: '2' };
  await model.record(streamName('agent-client', '3'), 1, { type: 'agent-client.registered', data: enrolled });
  t.strictSame(await access.active(), [
    { kind: 'api-client', id: '1-1', name: 'auditor', hash: 'slow', reach: { scopes: ['audit:read', 'sessions:read'], owner: null } },
    { kind: 'api-client', id: '1-2', name: 'console', hash: 'slow', reach: EVERYTHING },
    { kind: 'api-client', id: '1-3', name: 'ann', hash: 'slow', reach: { scopes: null, owner: "ann's" } },
    { kind: 'software-statement', id: '2', name: '', hash: 'fast', reach: NOTHING },
    { kind: 'agent-client', id: '3', name: 'host-1', hash: 'secret', reach: NOTHING },
  ]);

  for (const id of ['1-1', '1-2', '1-3'])
    await model.record(streamName('api-client', id), 1, { type: 'api-client.unregistered', data: {} });
  await model.record(streamName('software-statement', '2'), 1, { type: 'software-statement.deactivated', data: {} });
  await model.record(streamName('agent-client', '3'), 1, { type: 'agent-client.unregistered', data: {} });
  t.strictSame(await access.active(), []);
});
