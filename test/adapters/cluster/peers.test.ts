/** What brokers say to each other, over real HTTPS. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { Agent, request } from 'undici';
import { createClusterLink, shareTelemetry } from '../../../adapters/cluster/agents.ts';
import { createPeers, type Peer, type PictureOrder } from '../../../adapters/cluster/peers.ts';
import { createAgentConnections } from '../../../adapters/http/agent-connections.ts';
import { createTokens } from '../../../adapters/tokens.ts';
import { type ServerId, serverId, sessionId } from '../../../domain/ids.ts';
import type { Screenshot, Telemetry } from '../../../domain/ports/agent-link.ts';
import type { Reception } from '../../../domain/ports/reception.ts';
import { type Cluster, newCluster, startPeer } from '../../helpers/peers.ts';
import { greeting } from '../../helpers/raw-agent.ts';
import { recordingLogger } from '../../helpers/real-agent.ts';
import { AGENT_CLIENT } from '../../helpers/samples.ts';
import { newSigningKeys } from '../../helpers/signing-keys.ts';
import { createSeededRandom } from '../../helpers/simulated-clock.ts';
import { pause, until } from '../../helpers/until.ts';

const load = (first: number): Telemetry => ({ memoryUsedBytes: first, swapUsedBytes: 0, cpuLoadAverage: [first, 0, 0] });
const [one, two] = [serverId('c2VydmVyLTE'), serverId('c2VydmVyLTI')];

const ORDER: PictureOrder = {
  kind: 'take-screenshot',
  orderId: 'take-screenshot:a:1',
  sessionId: sessionId('a'),
  localId: 'a',
  maxWidth: 160,
  maxHeight: 100,
  format: 'png',
};
const PICTURE: Screenshot = { format: 'png', data: 'aGVsbG8=', time: 1, primary: true };

function peersOf(t: Test, cluster: Cluster, others: readonly Peer[], changes: Partial<Parameters<typeof createPeers>[0]> = {}) {
  const logger = recordingLogger();
  const directory = { others: () => others, find: (id: string) => others.find((each) => each.id === id) };
  const peers = createPeers({ id: 'self', directory, ...cluster, ca: [cluster.ca], logger, ...changes });
  t.teardown(peers.close);
  return { peers, logger, said: () => logger.lines.map(({ message }) => message) };
}

t.test('every other broker hears of telemetry, once a second, and of each server what came last', async (t) => {
  const cluster = await newCluster(t);
  const others = [await startPeer(t, cluster, 'a'), await startPeer(t, cluster, 'b')];
  const { peers } = peersOf(t, cluster, others);
  await cluster.clock.advance(5000);
  peers.telemetry(one, load(1));
  peers.telemetry(two, load(2));
  peers.telemetry(one, load(3));
  await cluster.clock.advance(999);
  t.same(
    others.flatMap(({ posts }) => posts),
    [],
  );
  await cluster.clock.advance(1);
  for (const { telemetry } of others) {
    await until('it is heard', () => telemetry.size === 2);
    t.same(
      [...telemetry],
      [
        [one, load(3)],
        [two, load(2)],
      ],
    );
  }
  await cluster.clock.advance(5000);
  peers.telemetry(two, load(4));
  await cluster.clock.advance(1000);
  await until('only news is sent', () => others.every(({ posts }) => posts.length === 2));
  t.same(
    others.map(({ posts }) => posts),
    [
      [2, 1],
      [2, 1],
    ],
  );
});

t.test('a large fleet comes in several posts, and one beyond all limits not whole', async (t) => {
  const cluster = await newCluster(t);
  const peer = await startPeer(t, cluster, 'a');
  const { peers } = peersOf(t, cluster, [peer]);
  for (let number = 0; number < 2500; number += 1) peers.telemetry(serverId(`server${number}`), load(number));
  await cluster.clock.advance(1000);
  await until('all of it is heard', () => peer.telemetry.size === 2500);
  t.same(peer.posts, [1000, 1000, 500]);
  for (let number = 0; number <= 20_000; number += 1) peers.telemetry(serverId(`server${number}`), load(0));
  peers.telemetry(serverId('server7'), load(8));
  await cluster.clock.advance(1000);
  await until('it is heard', () => peer.telemetry.size === 20_000);
  t.same(peer.telemetry.get(serverId('server7')), load(8));
  t.notOk(peer.telemetry.has(serverId('server20000')));
});

t.test('a broker that is away misses what is said meanwhile, and the others miss nothing', async (t) => {
  const cluster = await newCluster(t);
  const away = await startPeer(t, cluster, 'away');
  const there = await startPeer(t, cluster, 'there');
  await away.stop();
  const { peers, said } = peersOf(t, cluster, [away, there]);
  for (const round of [1, 2, 3]) {
    peers.telemetry(one, load(round));
    await cluster.clock.advance(1000);
    await until('the other one hears it', () => there.posts.length === round);
    await until('the failure is noticed', () => said().length > 0);
    await pause(50);
  }
  t.same(said(), ['Another broker does not hear this one; it goes without fresh telemetry.'], 'which is said once');
  const back = await startPeer(t, cluster, 'away', Number(new URL(away.url).port));
  peers.telemetry(two, load(4));
  await cluster.clock.advance(1000);
  await until('it hears again', () => said().at(-1) === 'Another broker hears this one again.');
  t.same([...back.telemetry], [[two, load(4)]]);
});

t.test('a broker that is slow with one batch is not sent the next', async (t) => {
  const cluster = await newCluster(t);
  const waiting: (() => void)[] = [];
  const slow = createServer({ ...cluster.certificates }, (_, response) => void waiting.push(() => response.end('{}')));
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
  t.teardown(() => slow.close());
  const { peers, said } = peersOf(t, cluster, [{ id: 'slow', url: `https://127.0.0.1:${(slow.address() as AddressInfo).port}` }]);
  const next = async () => {
    peers.telemetry(one, load(1));
    await cluster.clock.advance(1000);
  };
  await next();
  await until('the first batch has come', () => waiting.length === 1);
  await next();
  await next();
  waiting[0]?.();
  await pause(100);
  await next();
  await until('the one after it', () => waiting.length === 2);
  t.same(said(), []);
});

t.test('a broker that ends sends nothing more', async (t) => {
  const cluster = await newCluster(t);
  const peer = await startPeer(t, cluster, 'a');
  const { peers, said } = peersOf(t, cluster, [peer]);
  peers.telemetry(one, load(1));
  await peers.close();
  await cluster.clock.advance(10_000);
  await pause(50);
  t.same([peer.posts, said()], [[], []]);
});

t.test('a broker says which locks it holds, and only it itself', async (t) => {
  const cluster = await newCluster(t);
  const holder = await startPeer(t, cluster, 'holder');
  const { peers } = peersOf(t, cluster, [holder, { id: 'former', url: holder.url }]);
  holder.holds.push('one', 'two');
  t.same(await peers.holds('holder'), ['one', 'two']);
  await t.rejects(peers.holds('former'), { message: 'Where the broker former was there is holder now.' });
  await t.rejects(peers.holds('gone'), { message: 'Nobody knows where the broker gone is.' });
});

t.test('a broker that is stopped in its tracks gives no sign of life, which is known in 2 s', async (t) => {
  const cluster = await newCluster(t);
  const mute = createServer({ ...cluster.certificates }, () => undefined);
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { peers } = peersOf(t, cluster, [{ id: 'mute', url: `https://127.0.0.1:${(mute.address() as AddressInfo).port}` }]);
  const began = Date.now();
  await t.rejects(peers.holds('mute'), { name: 'TimeoutError' });
  t.ok(Date.now() - began < 10_000, 'other requests may take longer');
  mute.closeAllConnections();
  mute.close();
});

t.test('pictures come from the broker that the agent is connected to', async (t) => {
  const cluster = await newCluster(t);
  const holder = await startPeer(t, cluster, 'holder');
  const { peers } = peersOf(t, cluster, [holder]);
  holder.answer(async () => [PICTURE]);
  t.same(await peers.screenshot('holder', one, ORDER), [PICTURE]);
  t.same(holder.asked, [{ serverId: one, orderId: ORDER.orderId }]);
  holder.answer(async () => ({ rejected: 'The host did not answer in time' }));
  t.same(await peers.screenshot('holder', one, ORDER), { rejected: 'The host did not answer in time' });
  t.same(await peers.screenshot('gone', one, ORDER), { rejected: 'The agent of the server is not connected' });
});

t.test('a broker that does not answer, or with nonsense, is a sentence', async (t) => {
  const cluster = await newCluster(t);
  const NO_ANSWER = { rejected: 'The broker that the agent of the server is connected to does not answer' };
  let answer = { status: 200, body: 'no JSON' };
  const strange = createServer({ ...cluster.certificates }, (_, response) => void response.writeHead(answer.status).end(answer.body));
  await new Promise<void>((resolve) => strange.listen(0, '127.0.0.1', resolve));
  const { peers, logger } = peersOf(t, cluster, [{ id: 'strange', url: `https://127.0.0.1:${(strange.address() as AddressInfo).port}` }]);
  const ask = () => peers.screenshot('strange', one, ORDER);
  t.same(await ask(), NO_ANSWER);
  answer = { status: 200, body: '{"images":1}' };
  t.same(await ask(), NO_ANSWER);
  answer = { status: 500, body: 'x'.repeat(1000) };
  t.same(await ask(), NO_ANSWER);
  t.match(logger.lines.at(-1)?.fields, { err: { message: /answered with status 500: x{200}$/ } });
  answer = { status: 200, body: JSON.stringify([{ ...PICTURE, data: 'a'.repeat(20_000_000) }]) };
  t.same(await ask(), NO_ANSWER, 'nor one without end');
  strange.closeAllConnections();
  await new Promise((resolve) => strange.close(resolve));
  t.same(await ask(), NO_ANSWER);
});

t.test('pictures are asked for a hundred at a time, and more are refused', async (t) => {
  const cluster = await newCluster(t);
  const holder = await startPeer(t, cluster, 'holder');
  const { peers } = peersOf(t, cluster, [holder]);
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  holder.answer(async () => {
    await answered;
    return [PICTURE];
  });
  const asking = Array.from({ length: 100 }, () => peers.screenshot('holder', one, ORDER));
  t.same(await peers.screenshot('holder', one, ORDER), { rejected: 'Too many screenshots are being taken at the moment' });
  answer();
  t.ok((await Promise.all(asking)).every((pictures) => !('rejected' in pictures)));
  t.same(await peers.screenshot('holder', one, ORDER), [PICTURE]);
});

t.test('a broker whose certificate is of another authority is told nothing', async (t) => {
  const cluster = await newCluster(t);
  const stranger = await startPeer(t, cluster, 'stranger');
  const { peers, logger } = peersOf(t, cluster, [stranger], { ca: [(await newCluster(t)).ca] });
  peers.telemetry(one, load(1));
  await cluster.clock.advance(1000);
  await until('it is refused', () => logger.lines.length > 0);
  t.match(logger.lines[0]?.fields, { err: { code: /CERT|SIGNATURE|ISSUER/ } });
  t.same(stranger.posts, []);
  const both = peersOf(t, cluster, [stranger], { ca: [(await newCluster(t)).ca, cluster.ca] });
  t.same(await both.peers.screenshot('stranger', one, ORDER), { rejected: 'There is no screen.' }, 'a former authority and a new one');
});

t.test('the token is renewed in the middle of its life', async (t) => {
  const cluster = await newCluster(t);
  const peer = await startPeer(t, cluster, 'a');
  let issued = 0;
  const tokens = createTokens(newSigningKeys());
  const counting = {
    issueAccessToken: (...wish: Parameters<typeof tokens.issueAccessToken>) => {
      issued += 1;
      return cluster.tokens.issueAccessToken(...wish);
    },
  };
  const { peers } = peersOf(t, cluster, [peer], { tokens: counting });
  for (const [ms, expected] of [
    [0, 1],
    [149_000, 1],
    [1000, 2],
    [600_000, 3],
  ] as const) {
    await cluster.clock.advance(ms);
    t.same(await peers.screenshot('a', one, ORDER), { rejected: 'There is no screen.' });
    t.equal(issued, expected);
  }
});

t.test('nobody but a broker of the cluster is heard', async (t) => {
  const cluster = await newCluster(t);
  const peer = await startPeer(t, cluster, 'a');
  const dispatcher = new Agent({ connect: { ca: cluster.ca } });
  t.teardown(() => dispatcher.close());
  const post = async (path: string, body: string, authorization?: string) => {
    const headers = { ...(authorization !== undefined && { authorization }), 'content-type': 'application/json' };
    const answer = await request(`${peer.url}${path}`, { method: 'POST', headers, body, dispatcher });
    return { status: answer.statusCode, challenge: answer.headers['www-authenticate'], body: await answer.body.json() };
  };
  const token = (tokens = cluster.tokens, audience: 'api' | 'agent' | 'broker' = 'broker') =>
    tokens.issueAccessToken({ clientId: 'b', audience, lifetimeSeconds: 60 }, cluster.clock.now());
  const batch = JSON.stringify({ telemetry: [{ serverId: one, telemetry: load(1) }], news: 'of a later version' });
  const forged = await token(createTokens(newSigningKeys()));
  for (const authorization of [
    undefined,
    'Basic eA==',
    'Bearer x',
    `Bearer ${forged}`,
    ...(await Promise.all((['api', 'agent'] as const).map(async (each) => `Bearer ${await token(cluster.tokens, each)}`))),
  ]) {
    for (const path of ['/brokers/telemetry', '/brokers/screenshots', '/brokers/holds']) {
      t.match(await post(path, batch, authorization), { status: 401, challenge: 'Bearer', body: { error: 'invalid_token' } });
    }
  }
  t.same(peer.posts, []);
  const good = `Bearer ${await token()}`;
  t.match(await post('/brokers/telemetry', batch, good), { status: 200 });
  t.match(await post('/brokers/telemetry', '{', good), { status: 400, body: { message: 'The body is not JSON' } });
  t.match(await post('/brokers/telemetry', '{"telemetry":[{}]}', good), { status: 400, body: { message: /^telemetry\.0\.serverId: / } });
  t.match(await post('/brokers/telemetry', 'x'.repeat(1024 * 1024 + 1), good), { status: 413 });
  t.match(await post('/brokers/screenshots', '{}', good), { status: 400, body: { error: 'invalid_request' } });
  const whole = { serverId: one, order: { ...ORDER, kind: 'close-session' } };
  t.match(await post('/brokers/screenshots', JSON.stringify(whole), good), { status: 400 }, 'nothing else can be ordered');
  peer.answer(() => Promise.reject(new Error('a fault')));
  t.match(await post('/brokers/screenshots', JSON.stringify({ serverId: one, order: ORDER }), good), {
    status: 500,
    body: { error: 'internal_error' },
  });
  t.match(peer.failures, [{ message: 'a fault' }]);
  t.same(peer.posts, [1]);
});

t.test('a picture is asked of the connection here, else of the broker that has it, else of nobody', async (t) => {
  const { clock } = await newCluster(t);
  const local = createAgentConnections({ clock, random: createSeededRandom(1) }, { screenshotMs: 100 });
  t.teardown(local.close);
  const asked: (readonly [string, ServerId])[] = [];
  const link = createClusterLink({
    local,
    peers: {
      async screenshot(broker, server) {
        asked.push([broker, server]);
        return [PICTURE];
      },
    },
    holderOf: (server) => (server === one ? 'holder' : undefined),
  });
  t.same(await link.screenshot(one, ORDER), [PICTURE]);
  t.same(asked, [['holder', one]]);
  t.same(await link.screenshot(two, ORDER), { rejected: 'The agent of the server is not connected' });
  t.ok(local.arriving(one, AGENT_CLIENT).welcomed());
  t.same(await link.screenshot(one, ORDER), { rejected: 'The agent of the server is not connected' }, 'it has no stream yet');
  t.equal(asked.length, 1);
  t.notOk(link.send(one, ORDER));
});

t.test('what agents say here of their load is shared, from the greeting on', async (t) => {
  const shared: (readonly [ServerId, Telemetry])[] = [];
  const heard: string[] = [];
  let rejection: string | undefined = 'It is another agent’s.';
  const reception = shareTelemetry(
    {
      greeted: async () => (rejection === undefined ? { welcome: true } : { rejected: rejection }),
      telemetry: (server) => heard.push(server),
    } as Partial<Reception> as Reception,
    { telemetry: (...each) => shared.push(each) },
  );
  await reception.greeted(greeting({ serverId: one }), AGENT_CLIENT);
  t.same(shared, []);
  rejection = undefined;
  t.same(await reception.greeted(greeting({ serverId: one }), AGENT_CLIENT), { welcome: true });
  reception.telemetry(two, load(5));
  t.same(shared, [
    [one, greeting().telemetry],
    [two, load(5)],
  ]);
  t.same(heard, [two]);
});
