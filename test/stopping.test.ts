/** How a real broker ends when it is asked to: with requests, an agent and a feed under way, and with somebody who does not want to wait. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { Agent, fetch, request } from 'undici';
import type { CreateSessionRequestData } from '../adapters/wire/sessions.ts';
import { runBerth } from './helpers/berth-process.ts';
import { eventually } from './helpers/kill-checks.ts';
import { type RealBroker, startAgent, startBroker, writeServer } from './helpers/real-broker.ts';
import { until } from './helpers/until.ts';

/** As docs/operating.md says. */
const BOUND_MS = 15_000;
const WRITERS = 8;
const item = (Name: string): CreateSessionRequestData => ({ Name, Owner: 'ann', Type: 'VIRTUAL' });

async function tokenOf({ connection }: RealBroker): Promise<string> {
  const { url, caFile, clientId, clientPassword } = connection;
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile, 'utf8') } });
  const basic = Buffer.from(`${clientId}:${clientPassword}`).toString('base64');
  const headers = { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await fetch(`${url}/oauth2/token`, { method: 'POST', headers, body: 'grant_type=client_credentials', dispatcher });
  await dispatcher.close();
  return ((await answer.json()) as { access_token: string }).access_token;
}

interface HalfRequest {
  /** Sends the rest, and resolves with all that is answered. */
  finish(): Promise<string>;
}

/** A request to make a session, of which the broker has the head and a part of the body. */
async function halfACreate(t: Test, broker: RealBroker, token: string): Promise<HalfRequest> {
  const { url, caFile } = broker.connection;
  const { hostname, port } = new URL(url);
  const socket: TLSSocket = connect({ host: hostname, port: Number(port), ca: await readFile(caFile, 'utf8') });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  const body = JSON.stringify([item('half')]);
  const head = ['POST /createSessions HTTP/1.1', `host: ${hostname}`, `authorization: Bearer ${token}`, 'content-type: application/json'];
  socket.write(`${head.join('\r\n')}\r\ncontent-length: ${body.length}\r\nexpect: 100-continue\r\n\r\n`);
  // The broker has the request in its hands.
  await once(socket, 'data');
  socket.write(body.slice(0, 10));
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  return {
    async finish() {
      socket.write(body.slice(10));
      await once(socket, 'close');
      return answer;
    },
  };
}

/** What follows the audit until the broker ends it. */
async function followAudit(t: Test, { connection }: RealBroker, token: string): Promise<{ lines(): Promise<readonly string[]> }> {
  const dispatcher = new Agent({ connect: { ca: await readFile(connection.caFile, 'utf8') } });
  t.teardown(() => dispatcher.destroy());
  const headers = { authorization: `Bearer ${token}` };
  const { statusCode, body } = await request(`${connection.url}/audit?follow=true&format=jsonl&From=2020-01-01`, { headers, dispatcher });
  t.equal(statusCode, 200);
  const text = body.text();
  return { lines: async () => (await text).trim().split('\n') };
}

/** Makes sessions one after another until the broker takes no more; gives those that it acknowledged. */
async function keepCreating({ client }: RealBroker, name: string, acknowledged: string[]): Promise<void> {
  for (let count = 0; ; count++) {
    const answer = await client.createSessions([item(`${name}-${count}`)]).catch(() => undefined);
    if (answer === undefined) return;
    acknowledged.push(...(answer.SuccessfulList ?? []).map(({ Id }) => String(Id)));
  }
}

t.test('a broker that is asked to end loses nothing that it acknowledged, answers what it has begun, and ends in time', async (t) => {
  const broker = await startBroker(t, { bare: true });
  startAgent(t, await writeServer(broker, { hostname: 'host-1' }), { bare: true });
  const isAvailable = async () => (await broker.client.describeServers()).some(({ Availability }) => Availability === 'AVAILABLE');
  await eventually(isAvailable);
  const token = await tokenOf(broker);
  const feed = await followAudit(t, broker, token);
  const half = await halfACreate(t, broker, token);
  const acknowledged: string[] = [];
  const writers = Array.from({ length: WRITERS }, (_, index) => keepCreating(broker, `writer-${index}`, acknowledged));
  await until('acknowledged sessions', () => acknowledged.length >= 50);

  const startedAt = performance.now();
  broker.process.child.kill('SIGTERM');
  await Promise.all(writers);
  const answer = await half.finish();
  t.match(answer, /^HTTP\/1\.1 200 /, 'what it had begun to receive is answered');
  const [, late] = /"Id":"([^"]+)"/.exec(answer) ?? [];
  t.match((await feed.lines()).at(-1), /^\{"Closed":"The broker is ending\."/, 'who follows the audit is told');
  t.equal(await broker.process.ended, 0);
  t.ok(performance.now() - startedAt < BOUND_MS);
  t.equal(broker.process.stderr(), '');

  const described = runBerth(t, 'describe', 'sessions', '--data-dir', broker.dataDir);
  t.equal(await described.ended, 0);
  const inLog = described.stdout();
  for (const id of [...acknowledged, String(late)]) if (!inLog.includes(id)) t.fail(`${id} was acknowledged and is lost`);

  broker.spawn();
  await broker.ready();
  await eventually(isAvailable);
  await eventually(async () => {
    const sessions = await broker.client.describeSessions({ SessionIds: acknowledged });
    return sessions.length === acknowledged.length && sessions.every(({ State }) => State === 'READY');
  });
});

t.test('a request that never ends holds up a broker for seconds, and a second signal ends it at once', async (t) => {
  const broker = await startBroker(t);
  const token = await tokenOf(broker);
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    await halfACreate(t, broker, token);
    broker.process.child.kill(signal);
    // Sent twice within half a second, as npm and terminals do, it is one wish.
    broker.process.child.kill(signal);
    const timer = setInterval(() => broker.process.child.kill(signal), 700);
    t.equal(await broker.process.ended, code);
    clearInterval(timer);
    t.equal(broker.process.stderr(), `${signal} while it was ending; giving up on an orderly end.\n`);
    broker.spawn();
    await broker.ready();
  }
  await halfACreate(t, broker, token);
  broker.process.child.kill('SIGTERM');
  t.equal(await broker.process.ended, 0, 'without one, the connection is closed after 5 s');
});
