/** The broker's composition root in this process: its doors, what it logs when a request fails, and how it ends. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startBroker } from '../../adapters/broker.ts';
import { brokerConfig } from '../../adapters/config.ts';
import { writeConnectionFile } from '../../adapters/connection-file.ts';
import type { Logger } from '../../adapters/logging.ts';
import type { Settings } from '../../adapters/settings/names.ts';
import { openSqliteEventLog } from '../../adapters/sqlite/event-log.ts';
import { systemClock, systemRandom } from '../../adapters/system.ts';
import { NO_STREAM } from '../../domain/facts.ts';
import { streamName } from '../../domain/ids.ts';
import { createApiClient } from '../helpers/api-client.ts';
import { found } from '../helpers/core.ts';
import { newFact } from '../helpers/new-facts.ts';
import { greeting, rawAgent } from '../helpers/raw-agent.ts';
import { ORIGIN } from '../helpers/samples.ts';

async function start(t: Test, dataDir: string, more: Settings = {}) {
  const errors: { readonly message: string }[] = [];
  const ignore = () => undefined;
  const logger: Logger = { debug: ignore, info: ignore, warn: ignore, error: (fields, message) => errors.push({ ...fields, message }) };
  const free = { value: '0', from: 'the test' };
  const settings = {
    'berth.data-dir': { value: dataDir, from: 'the test' },
    'client-to-broker-connector-https-port': free,
    'agent-to-broker-connector-https-port': free,
    ...more,
  };
  const broker = await startBroker(brokerConfig(settings, '/'), { clock: systemClock, random: systemRandom, logger });
  t.teardown(broker.stop);
  const { caFile, clientPort, agentPort, access } = broker;
  const endpoints = { url: `https://127.0.0.1:${clientPort}`, agentHost: '127.0.0.1', agentPort, caFile };
  const connection = await writeConnectionFile(dataDir, endpoints, access, ORIGIN);
  const client = await createApiClient(connection);
  t.teardown(() => client.close());
  const agent = rawAgent({ caFile, port: agentPort, tokens: new Map() });
  t.teardown(() => agent.close());
  return { broker, client, connection, agent, errors };
}

/** Enrols an agent and gives its access token. */
async function enrol({ broker, agent }: Awaited<ReturnType<typeof start>>): Promise<{ readonly token: string; readonly clientId: string }> {
  const { secret } = await broker.access.issueSoftwareStatement(ORIGIN);
  const { body } = await agent.post('/agent/register', { client_name: 'host-1', software_statement: secret }, null);
  const [clientId, clientSecret] = [String(body['client_id']), String(body['client_secret'])];
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret });
  const answer = await agent.post('/oauth2/token', form.toString(), null);
  return { token: String(answer.body['access_token']), clientId };
}

t.test('both doors say that they are open', async (t) => {
  const { client, connection } = await start(t, t.testdir());
  t.match(await client.call('GET', '/health'), { status: 'ok' });
  await client.moveTo({ ...connection, url: `https://127.0.0.1:${connection.agentPort}` });
  t.match(await client.call('GET', '/health'), { status: 'ok' });
});

t.test('an agent enrols, and its token opens the door for agents and no other', async (t) => {
  const started = await start(t, t.testdir());
  const { token } = await enrol(started);
  t.match(await started.agent.post('/agent/connect', {}, token), { status: 400 }, 'known, though its greeting is nonsense');
  for (const token of ['no token', 'nonsense']) t.match(await started.agent.post('/agent/connect', {}, token), { status: 401 }, token);
  const huge = await started.agent.post('/oauth2/token', 'x'.repeat(20_000), null);
  t.match(huge, { status: 413, body: { error: 'too_large' } }, 'what cannot be read is said in the shape of the others');
  t.notOk(await started.broker.access.authenticateAgent('nobody', 'secret'));
  t.notOk(await started.broker.access.authenticateApiClient('nobody', 'secret'));
  t.equal(await started.broker.access.enrolAgent('host-2', 'no statement'), undefined);
});

t.test('where agents need not say who they are, all may come, those that were known before included', async (t) => {
  const dataDir = t.testdir();
  const first = await start(t, dataDir);
  const { token } = await enrol(first);
  t.match(await first.agent.post('/agent/connect', greeting(), token), { status: 200 });
  t.match(await first.agent.post('/agent/connect', greeting(), null), { status: 401 });
  await first.broker.stop();
  const second = await start(t, dataDir, { 'enable-agent-authorization': { value: 'false', from: 'the test' } });
  for (const each of [token, null, 'nonsense', token])
    t.match(await second.agent.post('/agent/connect', greeting(), each), { status: 200 }, String(each));
});

t.test('whoever asks for a session that an agent has found is given a token for it', async (t) => {
  const started = await start(t, t.testdir());
  const { token } = await enrol(started);
  await started.agent.post('/agent/connect', greeting({ sessions: [found('desk')] }), token);
  const answer = await started.client.call('GET', '/sessionConnectionData/desk/ann');
  t.match(answer, { Session: { Id: 'desk', State: 'READY' }, ConnectionToken: /^[\w-]+\.[\w-]+\.[\w-]+$/ });
});

t.test('what fails inside is logged once and told to nobody', async (t) => {
  const dataDir = t.testdir();
  const log = await openSqliteEventLog(join(dataDir, 'log.sqlite'));
  const damaged = { ...newFact({ attempt: 1 }), type: 'session.started' };
  await log.append(streamName('session', 'damaged'), NO_STREAM, [damaged]);
  await log.close();

  const started = await start(t, dataDir);
  const { client, agent, errors } = started;
  await t.rejects(client.deleteSessions([{ SessionId: 'damaged', Owner: 'ann' }]), { status: 500, message: /Internal error/ });
  t.match(errors, [{ message: 'A request failed' }]);

  const { token } = await enrol(started);
  const { connectionId } = (await agent.post('/agent/connect', greeting(), token)).body;
  const report = { reportId: systemRandom.uuid(), time: Date.now(), kind: 'session-ended', sessionId: 'damaged', reason: 'Closed.' };
  const answer = await agent.post('/agent/reports', { connectionId, reports: [report] }, token);
  t.match(answer, { status: 500, body: { error: 'internal_error' } });
  t.match(errors.at(-1), { message: 'A request of an agent failed.' });
  t.notMatch(JSON.stringify(answer.body), /cannot follow/);
});

t.test('tokens that were given out stay good across a restart, and a stop does not wait for agents', async (t) => {
  const dataDir = t.testdir();
  const first = await start(t, dataDir);
  const { token } = await enrol(first);
  await first.agent.post('/agent/connect', greeting(), token);
  const began = Date.now();
  await first.broker.stop();
  t.ok(Date.now() - began < 4_000);
  const second = await start(t, dataDir);
  t.match(await second.agent.post('/agent/connect', greeting(), token), { status: 200 });
});

t.test('the token of an agent that is not registered any more opens nothing', async (t) => {
  const dataDir = t.testdir();
  const first = await start(t, dataDir);
  const { token, clientId } = await enrol(first);
  await first.broker.stop();
  const log = await openSqliteEventLog(join(dataDir, 'log.sqlite'));
  await log.append(streamName('agent-client', clientId), 0, [{ ...newFact({}), type: 'agent-client.unregistered' }]);
  await log.close();
  const second = await start(t, dataDir);
  t.match(await second.agent.post('/agent/connect', greeting(), token), { status: 401 });
});
