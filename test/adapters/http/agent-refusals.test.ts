/** What the agent API tells the audit of requests that it turns down. */
import t from 'tap';
import { startTestBroker } from '../../helpers/agent-broker.ts';
import { greeting, rawAgent } from '../../helpers/raw-agent.ts';

const STRANGER = { cause: { kind: 'broker', id: 'agent-api' } };

t.test('agents that are not let in are told, with where they came from and without their secrets', async (t) => {
  const broker = await startTestBroker();
  const agent = rawAgent(broker);
  const client = '5b0a4f0e-6f0e-4f5e-8f3c-3a1f0c9d2b11';
  const forged = ['x', Buffer.from(JSON.stringify({ sub: client })).toString('base64url'), 'x'].join('.');
  await agent.post('/agent/register', { client_name: 'host-1', software_statement: 'forged' }, null);
  await agent.post('/agent/register', {}, null);
  await agent.post('/agent/register', 'x'.repeat(70_000), null);
  await agent.post('/agent/reports', {}, null);
  await agent.post('/agent/reports', {}, forged);
  const refused = { status: 400, remoteAddress: '127.0.0.1' };
  t.match(
    broker.heard.refused.map(({ attempt }) => attempt),
    [
      { operation: '/agent/register', ...refused, code: 'INVALID_SOFTWARE_STATEMENT' },
      { operation: '/agent/register', ...refused, code: 'INVALID_CLIENT_METADATA' },
      { operation: '/agent/register', ...refused, status: 413, code: 'TOO_LARGE' },
      { operation: '/agent/reports', ...refused, status: 401, code: 'INVALID_TOKEN', claimedClient: client },
    ],
  );
  t.equal(broker.heard.refused.length, 4, 'no token at all is no attempt');
  for (const { origin } of broker.heard.refused) t.match(origin, STRANGER);
  t.notMatch(JSON.stringify(broker.heard.refused), 'forged');
  agent.close();
  await broker.stop();
});

t.test('an agent that is known is told by its name, and with the server that it is not let have', async (t) => {
  const broker = await startTestBroker();
  const agent = rawAgent(broker);
  await agent.post('/agent/connect', 'no greeting');
  broker.rejectGreetings('This server id belongs to another agent.');
  await agent.post('/agent/connect', greeting());
  t.match(broker.heard.refused, [
    {
      attempt: { operation: '/agent/connect', status: 400, code: 'INVALID_REQUEST' },
      origin: { cause: { kind: 'agent', id: 'client-1' } },
    },
    {
      attempt: {
        status: 403,
        code: 'REJECTED',
        reason: 'This server id belongs to another agent.',
        target: `server-${greeting().serverId}`,
      },
    },
  ]);
  agent.close();
  await broker.stop();
});

t.test('an agent that only has to connect again, or to wait, is not told', async (t) => {
  const broker = await startTestBroker();
  const agent = rawAgent(broker);
  t.equal((await agent.orders('unknown')).statusCode, 409);
  broker.rejectGreetings(new Error('insides'));
  t.equal((await agent.post('/agent/connect', greeting())).status, 500);
  t.same(broker.heard.refused, []);
  agent.close();
  await broker.stop();
});
