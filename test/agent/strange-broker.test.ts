import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { createBrokerHttp } from '../../agent/broker-http.ts';
import { certificatesIn } from '../helpers/certificates.ts';
import { newFolder, type RealAgent, startRealAgent } from '../helpers/real-agent.ts';
import { until } from '../helpers/until.ts';

/** A server that welcomes every agent and then does as it is told. */
async function strangeBroker(
  t: Test,
  answers: Readonly<Partial<Record<'connect' | 'orders' | 'reports', (response: ServerResponse) => void>>>,
): Promise<RealAgent> {
  const certificates = await certificatesIn(await newFolder());
  const server = createServer(certificates, (request, response) => {
    request.resume();
    const welcome = { connectionId: 'c', heartbeatMs: 50, silenceMs: 5000 };
    if (request.url === '/agent/connect') (answers.connect ?? ((to) => to.end(JSON.stringify(welcome))))(response);
    else if (request.url?.startsWith('/agent/orders') && answers.orders !== undefined) answers.orders(response);
    else (answers.reports ?? ((to) => to.end(JSON.stringify({ acknowledged: [] }))))(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const agent = await startRealAgent({ port: (server.address() as AddressInfo).port, caFile: certificates.caFile }, { statement: null });
  t.teardown(async () => {
    await agent.stop();
    server.closeAllConnections();
    server.close();
  });
  return agent;
}

const says = (agent: RealAgent, text: string): Promise<boolean> =>
  until(text, () => agent.log.lines.some(({ fields }) => 'reason' in fields && String(fields.reason).includes(text)));

t.test('an answer that is not JSON is a failure with its status', async (t) => {
  const agent = await strangeBroker(t, { connect: (response) => response.writeHead(502).end('<html>Bad Gateway</html>') });
  t.ok(await says(agent, 'the broker did not welcome this agent: status 502'));
});

t.test('a welcome that makes no sense is a failure', async (t) => {
  const agent = await strangeBroker(t, { connect: (response) => response.end('{"connectionId":1}') });
  t.ok(await says(agent, 'connectionId'));
});

t.test('an order stream that is refused is a failure', async (t) => {
  const agent = await strangeBroker(t, { orders: (response) => response.writeHead(409).end('{"error":"reconnect"}') });
  t.ok(await says(agent, 'the broker did not open the order stream: status 409, reconnect'));
});

t.test('an agent that is told to reconnect does', async (t) => {
  let streams = 0;
  const agent = await strangeBroker(t, {
    orders(response) {
      streams += 1;
      response.write(': beat\n\n');
    },
    reports: (response) => response.writeHead(409).end('{"error":"reconnect"}'),
  });
  t.ok(await says(agent, 'status 409, reconnect'));
  await until('it greets again', () => streams > 2);
});

t.test('an order stream that ends is noticed at once', async (t) => {
  const agent = await strangeBroker(t, { orders: (response) => response.end(': beat\n\n') });
  t.ok(await says(agent, 'the broker closed the order stream'));
});

t.test('an order stream that breaks is noticed at once', async (t) => {
  const agent = await strangeBroker(t, {
    orders(response) {
      response.write(': beat\n\n');
      setTimeout(() => response.destroy(), 20);
    },
  });
  t.ok(await says(agent, 'the order stream broke'));
});

t.test('an order stream may hold what this agent does not know, but not without end', async (t) => {
  const agent = await strangeBroker(t, {
    orders(response) {
      response.write('flavour: sour\n\nid: x\ndata: {not json\n\n');
      setTimeout(() => response.write(`data: ${'x'.repeat(9_000_000)}`), 20);
    },
  });
  t.ok(await says(agent, 'an order of the broker is larger than this agent takes'));
  t.ok(agent.log.lines.some(({ fields }) => 'eventId' in fields && fields.eventId === 'x'));
});

t.test('a broker with an IPv6 address is called by it', async (t) => {
  const http = createBrokerHttp({ host: '::1', port: 1 }, { tlsStrict: true });
  await t.rejects(http.post('/', {}, undefined), { message: /^the broker at https:\/\/\[::1\]:1 does not answer: / });
  await http.close();
});
