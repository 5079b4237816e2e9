/** Authorization servers elsewhere, from the commands of an operator to the calls of their clients, with a broker that runs by itself. */
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { Agent, fetch } from 'undici';
import { createClient } from '../../../adapters/client/client.ts';
import { newKey, startAuthServer } from '../../helpers/auth-server.ts';
import { runBerth } from '../../helpers/berth-process.ts';
import { type RealBroker, startBroker } from '../../helpers/real-broker.ts';

async function run(t: Test, { dataDir }: RealBroker, ...words: readonly string[]) {
  const berth = runBerth(t, ...words, '--data-dir', dataDir);
  const code = await berth.ended;
  return { code, stdout: berth.stdout(), stderr: berth.stderr() };
}

/** A call of the API with a token. */
async function call({ connection: { url, caFile } }: RealBroker, token: string): Promise<unknown> {
  const client = createClient({ brokerUrl: url, access: { token }, ca: readFileSync(caFile, 'utf8'), verify: true });
  return client.call('describeSessions', {}).finally(client.close);
}

t.test('tokens of a server are good from its registration until it is taken back, over a crash too', async (t) => {
  const broker = await startBroker(t, { env: { BERTH_REQUIRED_SCOPE: 'sessions' } });
  const server = await startAuthServer(t);
  const key = await newKey('one', 'RS256');
  server.publish(key.jwk);
  const token = await server.sign(key, { scope: 'sessions' });
  await t.rejects(call(broker, token), { message: /401: The issuer of the token is not registered/ });
  t.same(await run(t, broker, 'list-auth-servers'), { code: 0, stdout: 'Urls: []\n', stderr: '' });
  t.same(await run(t, broker, 'register-auth-server', '--url', server.url), { code: 0, stdout: 'Jwk url registered.\n', stderr: '' });
  const open = await run(t, broker, 'register-auth-server', '--url', 'http://example.com/.well-known/jwks.json');
  t.match(open, { code: 254, stdout: '', stderr: /^url: must begin with https:\/\// });
  t.match(await call(broker, token), { Sessions: [] });
  await t.rejects(call(broker, await server.sign(key)), { message: /403: The token lacks a scope that is needed here/ });
  await t.rejects(call(broker, await server.sign(key, { iss: 'berth', sub: broker.connection.clientId, aud: 'api' })), {
    message: /401: The token is not valid/,
  });
  t.ok(await broker.client.describeSessions(), 'those of the broker itself stay good');
  await broker.kill();
  broker.spawn();
  await broker.ready();
  t.match(await call(broker, token), { Sessions: [] });
  t.match((await run(t, broker, 'list-auth-servers')).stdout, `Urls: [ "${server.url}" ]\n`);
  const facts = await run(t, broker, 'audit', '--type', 'auth-server.', '--json');
  t.match(facts.stdout.trim().split('\n'), { length: 1, 0: /"Kind":"operator"/ });
  t.same(await run(t, broker, 'unregister-auth-server', '--url', server.url), { code: 0, stdout: 'Jwk url unregistered.\n', stderr: '' });
  await t.rejects(call(broker, token), { message: /401: The issuer of the token is not registered/ });
  t.match(await run(t, broker, 'unregister-auth-server', '--url', server.url), { code: 254, stderr: /There is no authorization server/ });
});

t.test('where the authorization server is another one, the broker takes no tokens of its own', async (t) => {
  const broker = await startBroker(t);
  const own = await ownToken(t, broker);
  await call(broker, own);
  await broker.kill();
  const server = await startAuthServer(t);
  const key = await newKey('one');
  server.publish(key.jwk);
  const issuer = 'urn:somebody';
  const other = await startBroker(t, { env: { BERTH_ENABLE_AUTHORIZATION_SERVER: 'false' }, keyOf: broker.dataDir });
  await t.rejects(call(other, own), { message: /401: Tokens of this broker are not taken/ });
  t.match(await run(t, other, 'register-auth-server', '--url', server.url, '--issuer', issuer), { code: 0 });
  t.match(await call(other, await server.sign(key, { iss: issuer })), { Sessions: [] });
  await t.rejects(call(other, await server.sign(key)), { message: /401: The issuer of the token is not registered/ });
  server.behave((request) => request.socket.destroy());
  t.match(await run(t, other, 'register-auth-server', '--url', `${server.url}?second`, '--issuer', 'urn:away'), { code: 0 });
  await t.rejects(call(other, await server.sign(key, { iss: 'urn:away' })), {
    message: /503: The keys of the authorization server cannot be had/,
  });
});

async function ownToken(t: Test, { connection }: RealBroker): Promise<string> {
  const dispatcher = new Agent({ connect: { ca: readFileSync(connection.caFile, 'utf8') } });
  t.teardown(() => dispatcher.close());
  const form = { grant_type: 'client_credentials', client_id: connection.clientId, client_secret: connection.clientPassword };
  const answer = await fetch(`${connection.url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form), dispatcher });
  return ((await answer.json()) as { access_token: string }).access_token;
}
