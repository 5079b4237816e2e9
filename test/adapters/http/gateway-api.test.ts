/** The session resolver, as connection gateways ask it and as others do. */
import t from 'tap';
import { createGatewayApi } from '../../../adapters/http/gateway-api.ts';
import { systemRandom } from '../../../adapters/system.ts';
import { LogBusyError } from '../../../domain/ports/event-log.ts';
import type { ServerDescription } from '../../../domain/server/events.ts';
import type { ServerView, SessionView } from '../../../projections/views.ts';
import { description } from '../../helpers/samples.ts';

const server = (changes: Partial<ServerDescription>): ServerView => ({
  id: 'server-1',
  description: description(changes),
  loggedInUsers: [],
  consoleSessions: 0,
  virtualSessions: 1,
});

interface Options {
  readonly state?: SessionView['state'];
  readonly describe?: Partial<ServerDescription>;
  readonly mapped?: string;
  readonly isHealthy?: boolean;
}

const BOTH = [
  { port: 8443, protocol: 'HTTP', webUrlPath: '/dcv' },
  { port: 8444, protocol: 'QUIC' },
] as const;

/** One session, `desk`, on one server. */
function gateway({ state = 'READY', describe = { endpoints: BOTH }, mapped, isHealthy = true }: Options = {}) {
  const logged: string[] = [];
  const asked: object[] = [];
  const session: SessionView = {
    id: 'desk',
    name: '',
    owner: 'ann',
    sessionType: 'VIRTUAL',
    state,
    creationTime: 0,
    connections: 0,
    server: server(describe),
  };
  const app = createGatewayApi({
    application: {
      describeSessions: async ({ ids }) => {
        if (ids?.includes('busy')) throw new LogBusyError('busy');
        return { items: ids?.includes('desk') ? [session] : [] };
      },
    },
    mappings: {
      internalName(found) {
        asked.push(found);
        return mapped;
      },
    },
    isHealthy: () => isHealthy,
    notReady: () => (isHealthy ? [] : ['log']),
    random: systemRandom,
    log: { error: (_, message) => void logged.push(message) },
  });
  const ask = async (query: string, body?: string, method = 'POST') => {
    const answer = await app.request(`/resolveSession${query}`, { method, ...(body !== undefined && { body }) });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown>, headers: answer.headers };
  };
  return { app, ask, asked };
}

t.test('a gateway is told where a session is', async (t) => {
  const { ask, asked } = gateway({
    describe: {
      endpoints: BOTH,
      defaultDnsName: 'host-1.example.com',
      aws: { region: 'r', instanceType: 't', instanceId: 'i-1', imageId: 'a' },
    },
  });
  const { status, body } = await ask('?sessionId=desk&transport=HTTP&clientIpAddress=192.0.2.7');
  t.equal(status, 200);
  t.strictSame(body, {
    SessionId: 'desk',
    TransportProtocol: 'HTTP',
    DcvServerEndpoint: 'host-1.example.com',
    Port: 8443,
    WebUrlPath: '/dcv',
  });
  t.same(asked, [{ id: 'server-1', ip: '10.0.0.1', ec2InstanceId: 'i-1' }]);
  t.match((await ask('?sessionId=desk&transport=QUIC')).body, { TransportProtocol: 'QUIC', Port: 8444, WebUrlPath: '/' });
});

t.test('a body does as well as a query, in either spelling, and the query counts more', async (t) => {
  const { ask } = gateway();
  for (const [query, body] of [
    ['', '{"sessionId":"desk","transport":"HTTP","clientIpAddress":null}'],
    ['', '{"SessionId":"desk","Transport":"http","ClientIpAddress":"::1"}'],
    ['?SessionId=desk&Transport=HTTP', undefined],
    ['?sessionId=desk', '{"sessionId":"other","transport":"HTTP"}'],
  ] as const) {
    t.match(await ask(query, body), { status: 200, body: { SessionId: 'desk' } }, `${query} ${body}`);
  }
});

t.test('the name is the operator’s, else the server’s own, else that of its host', async (t) => {
  const name = async (options: Options) => (await gateway(options).ask('?sessionId=desk&transport=HTTP')).body['DcvServerEndpoint'];
  t.equal(await name({ mapped: 'mapped.example.com', describe: { defaultDnsName: 'own.example.com' } }), 'mapped.example.com');
  t.equal(await name({ describe: { defaultDnsName: 'own.example.com' } }), 'own.example.com');
  t.equal(await name({}), 'host-1');
});

t.test('a server that lists no endpoints has one for HTTP', async (t) => {
  const { ask } = gateway({ describe: { endpoints: [], port: 9443, webUrlPath: '/w' } });
  t.match((await ask('?sessionId=desk&transport=HTTP')).body, { Port: 9443, WebUrlPath: '/w' });
  t.match(await ask('?sessionId=desk&transport=QUIC'), {
    status: 404,
    body: { error: 'The server of this session has no endpoint for QUIC' },
  });
});

t.test('a session that is not there or not ready is not found', async (t) => {
  t.match(await gateway().ask('?sessionId=none&transport=HTTP'), { status: 404 });
  for (const state of ['CREATING', 'DELETING', 'DELETED', 'UNKNOWN'] as const)
    t.match(await gateway({ state }).ask('?sessionId=desk&transport=HTTP'), { status: 404 }, state);
});

t.test('what is wrong with a question is said with the name of the field', async (t) => {
  const { ask } = gateway();
  for (const [query, body, error] of [
    ['', undefined, /^sessionId must be/],
    ['?transport=HTTP', '{"sessionId":5}', /^sessionId must be/],
    ['?sessionId=desk', '{"transport":{"toString":"HTTP"}}', /^transport must be/],
    [`?sessionId=${'x'.repeat(101)}&transport=HTTP`, undefined, /^sessionId must be/],
    ['?sessionId=desk', undefined, /^transport must be HTTP or QUIC/],
    ['?sessionId=desk&transport=TCP', undefined, /^transport must be HTTP or QUIC/],
    ['?sessionId=desk&transport=HTTP&clientIpAddress=nowhere', undefined, /^clientIpAddress must be/],
    ['?sessionId=desk&transport=HTTP', '{"clientIpAddress":{}}', /^clientIpAddress must be/],
    ['?sessionId=desk&transport=HTTP', '[]', /must be a JSON object/],
    ['?sessionId=desk&transport=HTTP', '"x"', /must be a JSON object/],
    ['?sessionId=desk&transport=HTTP', '{', /is not JSON/],
    ['', '{"__proto__":{"sessionId":"desk","transport":"HTTP"}}', /^sessionId must be/],
  ] as const) {
    const answer = await ask(query, body);
    t.equal(answer.status, 400, `${query} ${body}`);
    t.match(answer.body['error'], error);
  }
  t.match(await ask('?sessionId=desk&transport=HTTP', ' '.repeat(20_000)), { status: 413 });
});

t.test('nothing else is to be had here', async (t) => {
  const { app, ask } = gateway();
  const get = await ask('?sessionId=desk&transport=HTTP', undefined, 'GET');
  t.equal(get.status, 405);
  t.equal(get.headers.get('allow'), 'POST');
  for (const path of ['/', '/describeSessions', '/docs']) t.equal((await app.request(path)).status, 404);
  t.equal((await app.request('/health')).status, 200);
  t.equal((await gateway({ isHealthy: false }).app.request('/health')).status, 503);
  t.equal((await gateway().app.request('/ready')).status, 200);
  t.same(await (await gateway({ isHealthy: false }).app.request('/ready')).json(), { status: 'not ready', notReady: ['log'] });
  t.match(await ask('?sessionId=busy&transport=HTTP'), { status: 503 }, 'a broker that is behind says when to come back');
});
