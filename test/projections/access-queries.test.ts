import t from 'tap';
import { streamName } from '../../domain/ids.ts';
import { createAccessQueries } from '../../projections/access-queries.ts';
import { openReadModel } from '../helpers/read-model.ts';

t.test('the credentials that count are known with their hashes, and revoked ones are not', async (t) => {
  const model = await openReadModel(t);
  const access = createAccessQueries(model.database.reader);
  await model.record(streamName('api-client', '1-2'), 1, {
    type: 'api-client.registered',
    data: { name: 'console', passwordHash: 'slow' },
  });
  await model.record(streamName('software-statement', '2'), 1, { type: 'software-statement.issued', data: { statementHash: 'fast' } });
  const enrolled = { name: 'host-1', secretHash: 'secret', statementId: '2' };
  await model.record(streamName('agent-client', '3'), 1, { type: 'agent-client.registered', data: enrolled });
  t.strictSame(await access.active(), [
    { kind: 'api-client', id: '1-2', name: 'console', hash: 'slow' },
    { kind: 'software-statement', id: '2', name: '', hash: 'fast' },
    { kind: 'agent-client', id: '3', name: 'host-1', hash: 'secret' },
  ]);

  await model.record(streamName('api-client', '1-2'), 1, { type: 'api-client.unregistered', data: {} });
  await model.record(streamName('software-statement', '2'), 1, { type: 'software-statement.deactivated', data: {} });
  await model.record(streamName('agent-client', '3'), 1, { type: 'agent-client.unregistered', data: {} });
  t.strictSame(await access.active(), []);
});
