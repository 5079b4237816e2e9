/** What is asked at any door is counted under a bounded number of names, and leaves lines without secrets. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { Agent, request } from 'undici';
import { startBroker } from '../../../adapters/broker.ts';
import { brokerConfig } from '../../../adapters/config.ts';
import { createLogger } from '../../../adapters/logging.ts';
import { systemClock, systemRandom } from '../../../adapters/system.ts';
import { readExposition } from '../../helpers/exposition.ts';

t.test('refused agents, gateways, unknown paths and throttled addresses are counted, and no secret is told', async (t) => {
  const lines: string[] = [];
  const logger = createLogger({ program: 'broker', level: 'debug', human: false, write: (line) => lines.push(line) });
  const value = (text: string) => ({ value: text, from: 'the test' });
  const settings = {
    'berth.data-dir': value(t.testdir()),
    'client-to-broker-connector-https-port': value('0'),
    'agent-to-broker-connector-https-port': value('0'),
    'gateway-to-broker-connector-https-port': value('0'),
    'enable-gateway': value('true'),
    'max-api-requests-per-second': value('20'),
  };
  const broker = await startBroker(brokerConfig(settings, '/'), { clock: systemClock, random: systemRandom, logger });
  t.teardown(broker.stop);
  const dispatcher = new Agent({ connect: { ca: await readFile(broker.caFile) } });
  t.teardown(() => dispatcher.close());
  const ask = async (port: number | undefined, method: 'GET' | 'POST', path: string, headers: Record<string, string> = {}) => {
    const { statusCode, body } = await request(`https://127.0.0.1:${port}${path}`, { dispatcher, method, headers });
    await body.dump();
    return statusCode;
  };
  const authorization = `Basic ${Buffer.from('somebody:s3cret-word').toString('base64')}`;
  const token = '/oauth2/token?grant_type=client_credentials';
  t.equal(await ask(broker.agentPort, 'POST', token, { authorization }), 401);
  t.equal(await ask(broker.agentPort, 'POST', '/agent/connect', { authorization: 'Bearer s3cret-word' }), 401);
  t.equal(await ask(broker.agentPort, 'GET', '/nowhere'), 404);
  t.equal(await ask(broker.gatewayPort, 'POST', '/resolveSession?sessionId=x&transport=HTTP&authenticationToken=s3cret-word'), 404);
  t.equal(await ask(broker.clientPort, 'POST', token, { authorization }), 401);
  t.equal(await ask(broker.clientPort, 'POST', '/describeSessions?token=s3cret-word', { authorization: 'Bearer s3cret-word' }), 401);
  for (const path of ['/s3cret-word', '/docs/a', '/docs/b']) t.equal(await ask(broker.clientPort, 'GET', path), 404);
  const { statusCode, body } = await request(`https://127.0.0.1:${broker.clientPort}/metrics`, { dispatcher });
  const figures = readExposition(await body.text());
  t.equal(statusCode, 200);
  for (const [operation, status, count] of [
    ['agent-token', 401, 1],
    ['agent-connect', 401, 1],
    ['resolveSession', 404, 1],
    ['token', 401, 1],
    ['describeSessions', 401, 1],
    ['unknown', 404, 4],
  ] as const) {
    t.equal(figures.get(`berth_api_answers_total{operation="${operation}",status="${status}"}`), count, operation);
    t.equal(figures.get(`berth_api_request_seconds_count{operation="${operation}"}`), count, operation);
  }

  for (let times = 0; times < 60; times += 1) await ask(broker.clientPort, 'GET', '/nowhere');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const later = await request(`https://127.0.0.1:${broker.clientPort}/metrics`, { dispatcher });
  t.ok(Number(readExposition(await later.body.text()).get('berth_api_answers_total{operation="throttled",status="429"}')) > 0);

  const told = lines.map((line) => JSON.parse(line));
  t.notMatch(lines.join(''), /s3cret-word/);
  t.notMatch(lines.join(''), Buffer.from('somebody:s3cret-word').toString('base64'));
  const refused = told.filter(({ msg }) => msg === 'A request was refused.');
  t.ok(
    refused.every(({ requestId, ms, address }) => /^[0-9a-f-]{36}$/.test(requestId) && typeof ms === 'number' && address === '127.0.0.1'),
  );
  t.equal(refused.filter(({ operation }) => operation === 'unknown').length, 1, 'the same again is told of once');
  t.equal(refused.filter(({ operation }) => operation === 'throttled').length, 1);
});
