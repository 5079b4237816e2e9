/** More of everything than there may be: each limit is met with an answer that says so, and with nothing worse. */
import t, { type Test } from 'tap';
import { z } from 'zod';
import { DEFAULT_LIMITS } from '../../adapters/http/limits.ts';
import { type OperationDescription, operations } from '../../adapters/http/operations.ts';
import { BODY_LIMITS, MAX_REPORTS } from '../../adapters/wire/agent.ts';
import { greeting } from '../helpers/raw-agent.ts';
import { prepareGround } from './ground.ts';
import { openLine } from './line.ts';

/** Beyond every text there may be, and below the limit of a body. */
const LONG = 'x'.repeat(400_000);
const PATIENCE_MS = 20_000;

const described: readonly OperationDescription[] = operations;

/** Names of fields that hold text, or lists of it. */
function textsIn(model: z.ZodType): readonly (readonly [field: string, value: unknown])[] {
  const { properties = {} } = z.toJSONSchema(model, { io: 'input', unrepresentable: 'any' }) as { properties?: Record<string, object> };
  return Object.entries(properties).flatMap(([field, schema]): (readonly [string, unknown])[] => {
    const text = JSON.stringify(schema);
    if (!text.includes('"type":"string"') || text.includes('"type":"object"')) return [];
    return [[field, text.includes('"type":"array"') ? [LONG] : LONG]];
  });
}

async function attacked(t: Test) {
  const ground = await prepareGround(t, { bare: true, env: { BERTH_MAX_API_REQUESTS_PER_SECOND: '100000' } });
  const { broker, doors, tokens, agentClient } = ground;
  const issue = (audience: 'api' | 'agent', clientId: string) =>
    tokens.issueAccessToken({ audience, clientId, lifetimeSeconds: 3600 }, Date.now());
  const bearer = { authorization: `Bearer ${await issue('api', broker.connection.clientId)}` };
  const agent = { authorization: `Bearer ${await issue('agent', agentClient.id)}` };
  /** On a connection of its own, which may be closed before all is sent. */
  const send = async ({ method, path }: OperationDescription, body: string) => {
    const line = openLine(doors.client, PATIENCE_MS);
    const head = `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${bearer.authorization}\r\ncontent-length: ${body.length}\r\n\r\n`;
    const { heard } = await line.say({ bytes: Buffer.from(`${head}${body}`), isHead: false, isLast: false });
    line.close();
    return { status: heard[0]?.status, body: heard[0]?.body ?? '' };
  };
  return { ...ground, bearer, agent, send };
}

t.test('no text of the API is longer than it may be, no batch larger and no body', { timeout: 240_000 }, async (t) => {
  const { broker, bearer, send, post } = await attacked(t);
  for (const operation of described) {
    const { id, body } = operation;
    if (body === undefined) continue;
    t.match(await send(operation, ' '.repeat(DEFAULT_LIMITS.bodyBytes + 1)), { status: 413, body: /larger than/ }, `a body for ${id}`);
    const [item] = (body.batch ? body.example : [body.example]) as readonly object[];
    for (const [field, value] of textsIn(body.model)) {
      const wrong = { ...item, [field]: value };
      const answer = await send(operation, JSON.stringify(body.batch ? [wrong] : wrong));
      const isRefused = answer.status === 400 || answer.body.includes('"SuccessfulList":[],"UnsuccessfulList":[{');
      // Whoever only asks for something that is too long to be there is told that it is not.
      t.ok(isRefused || (!body.batch && answer.status === 200), `${field} of ${id}: ${answer.status} ${answer.body.slice(0, 100)}`);
    }
    const many = JSON.stringify(Array.from({ length: DEFAULT_LIMITS.batchItems + 1 }, () => ({})));
    t.match(await send(operation, many), { status: 400 }, `items for ${id}`);
  }
  t.match(await post('client', `/describeSessions?${'x'.repeat(20_000)}`, '{}', bearer), { status: 431 }, 'an address');
  t.match(await post('client', '/describeServers', '{}', bearer), { status: 200 }, 'and everything goes on');
  t.notMatch(broker.process.stderr(), /"level":"error"/);
});

t.test('nor is anything that agents and gateways say', async (t) => {
  const { broker, agent, post } = await attacked(t);
  const limits = { '/agent/register': BODY_LIMITS.registration, '/agent/reports': BODY_LIMITS.reports, '/oauth2/token': 16_384 };
  for (const [path, limit] of Object.entries(limits)) {
    t.match(await post('agent', path, 'x'.repeat(limit + 1), agent), { status: 413, body: /too.large|larger than/i }, path);
  }
  const reports = Array.from({ length: MAX_REPORTS + 1 }, () => ({}));
  t.match(await post('agent', '/agent/reports', JSON.stringify({ connectionId: 'x', reports }), agent), { status: 400 });
  const { description } = greeting();
  const long = { ...greeting(), description: { ...description, hostname: LONG } };
  t.match(await post('agent', '/agent/connect', JSON.stringify(long), agent), { status: 400, body: /hostname/ });
  t.match(await post('gateway', `/resolveSession?transport=HTTP&sessionId=${'x'.repeat(101)}`, ''), { status: 400 });
  t.notMatch(broker.process.stderr(), /"level":"error"/);
});
