import t from 'tap';
import { streamName } from '../../domain/ids.ts';
import { createAccessQueries } from '../../projections/access-queries.ts';
import { openReadModel } from '../helpers/read-model.ts';

t.test('a credential is found by its kind and id, and says whether it still counts', async (t) => {
  const model = await openReadModel(t);
  const access = createAccessQueries(model.database.reader);
  const id = '1-2';
  await model.record(streamName('api-client', id), 1, { type: 'api-client.registered', data: { name: 'console', passwordHash: 'slow' } });
  await model.record(streamName('software-statement', id), 1, { type: 'software-statement.issued', data: { statementHash: 'fast' } });
  const enrolled = { name: 'host-1', secretHash: 'secret', statementId: id };
  await model.record(streamName('agent-client', id), 1, { type: 'agent-client.registered', data: enrolled });

  const console = { id, name: 'console', hash: 'slow', statementId: undefined, active: true };
  const statement = { id, name: '', hash: 'fast', statementId: undefined, active: true };
  const agent = { id, name: 'host-1', hash: 'secret', statementId: id, active: true };
  t.strictSame(await access.find('api-client', id), console);
  t.strictSame(await access.find('software-statement', id), statement);
  t.strictSame(await access.find('agent-client', id), agent);
  t.strictSame(await access.findStatement('fast'), statement);
  t.equal(await access.findStatement('slow'), undefined, 'the hash of something else is no statement');
  t.equal(await access.find('api-client', 'nobody'), undefined);

  await model.record(streamName('api-client', id), 1, { type: 'api-client.unregistered', data: {} });
  await model.record(streamName('software-statement', id), 1, { type: 'software-statement.deactivated', data: {} });
  await model.record(streamName('agent-client', id), 1, { type: 'agent-client.unregistered', data: {} });
  t.strictSame(await access.list('api-client'), [{ ...console, active: false }]);
  t.strictSame(await access.list('software-statement'), [{ ...statement, active: false }]);
  t.strictSame(await access.list('agent-client'), [{ ...agent, active: false }]);
});
