/** Tokens that nobody gave out, and credentials that are guessed or kept too long, shown to a broker that runs as an operator runs it, over HTTPS. */
import { createHmac, createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { decodeJwt, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import t, { type Test } from 'tap';
import { Agent, request } from 'undici';
import type { ApiAudience } from '../../adapters/tokens.ts';
import { BERTH, runModule } from '../helpers/berth-process.ts';
import { type Ground, prepareGround } from './ground.ts';
import type { DoorName } from './routes.ts';

/** Where a token of each audience is taken, and what is answered to one that is good. */
const TAKEN: Readonly<
  Record<ApiAudience, { readonly door: DoorName; readonly path: string; readonly body: string; readonly good: number }>
> = {
  api: { door: 'client', path: '/describeServers', body: '{}', good: 200 },
  agent: { door: 'agent', path: '/agent/reports', body: '{"connectionId":"none","reports":[]}', good: 409 },
  broker: { door: 'agent', path: '/brokers/holds', body: '', good: 200 },
};

const clientOf = ({ broker, agentClient }: Ground, audience: ApiAudience): string =>
  ({ api: broker.connection.clientId, agent: agentClient.id, broker: randomUUID() })[audience];

const show = (ground: Ground, audience: ApiAudience, token: string) => {
  const { door, path, body } = TAKEN[audience];
  return ground.post(door, path, body, { authorization: `Bearer ${token}` });
};

const encoded = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Everything that may be tried without the private key, or with it and in the wrong place, by name. */
async function forgeriesOf(ground: Ground, audience: ApiAudience): Promise<Readonly<Record<string, string>>> {
  const { keys, tokens } = ground;
  const { kid, privateKey } = keys.current;
  const clientId = clientOf(ground, audience);
  const good = await tokens.issueAccessToken({ clientId, audience, lifetimeSeconds: 3600 }, Date.now());
  const claims = decodeJwt(good);
  const [head = '', payload = '', signature = ''] = good.split('.');
  const now = Math.floor(Date.now() / 1000);
  const mine = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKey = createPublicKey(privateKey);
  const signed = (
    changes: JWTPayload & Record<string, unknown>,
    header: Partial<JWTHeaderParameters> & Record<string, unknown> = {},
    key = privateKey,
  ) => new SignJWT({ ...claims, ...changes }).setProtectedHeader({ alg: 'RS256', kid, ...header } as JWTHeaderParameters).sign(key);
  const headed = (header: unknown) => `${encoded(header)}.${payload}`;
  const hmac = (alg: string, secret: string | Buffer) => {
    const text = headed({ alg, kid });
    return `${text}.${createHmac(alg.replace('HS', 'sha'), secret).update(text).digest('base64url')}`;
  };
  const jwk = publicKey.export({ format: 'jwk' });
  const others = (['api', 'agent', 'broker'] as const).filter((other) => other !== audience);
  const ofOthers = await Promise.all(
    others.map(
      async (aud) =>
        [`a token for ${aud}`, await tokens.issueAccessToken({ clientId, audience: aud, lifetimeSeconds: 3600 }, Date.now())] as const,
    ),
  );
  return {
    ...Object.fromEntries(['none', 'None', 'NONE', 'nOnE', ''].map((alg) => [`alg ${JSON.stringify(alg)}`, `${headed({ alg, kid })}.`])),
    'alg none with the signature of another': `${headed({ alg: 'none', kid })}.${signature}`,
    'HS256 with our public key in PEM': hmac('HS256', publicKey.export({ format: 'pem', type: 'spki' })),
    'HS384 with our public key in DER': hmac('HS384', publicKey.export({ format: 'der', type: 'spki' })),
    'HS512 with our public key as JWK': hmac('HS512', JSON.stringify(jwk)),
    'HS256 with our modulus': hmac('HS256', Buffer.from(String(jwk.n), 'base64url')),
    'HS256 with nothing': hmac('HS256', ''),
    'a key of our own under its name': await signed({}, {}, mine.privateKey),
    'an unknown key': await signed({}, { kid: randomUUID() }, mine.privateKey),
    'an unknown name of the right key': await signed({}, { kid: randomUUID() }),
    'a path for a key': await signed({}, { kid: '../../../../dev/null' }),
    'an injection for a key': await signed({}, { kid: "' UNION SELECT 'x' --" }),
    'a prototype for a key': await signed({}, { kid: '__proto__' }),
    'a number for a key': await signed({}, { kid: 7 as unknown as string }),
    'no name of a key': await signed({}, { kid: undefined as unknown as string }),
    'a key that is elsewhere': await signed({}, { jku: 'https://127.0.0.1:1/keys', kid: randomUUID() }, mine.privateKey),
    'a certificate that is elsewhere': await signed({}, { x5u: 'https://127.0.0.1:1/cert' }, mine.privateKey),
    'a key that comes along': await signed({}, { jwk: mine.publicKey.export({ format: 'jwk' }) }, mine.privateKey),
    'a certificate that comes along': await signed({}, { x5c: ['MIIB'] }, mine.privateKey),
    'another algorithm of the same key': await signed({}, { alg: 'RS512' }),
    'PSS with the same key': await signed({}, { alg: 'PS256' }),
    'something that must be understood': `${headed({ alg: 'RS256', kid, crit: ['x'], x: 1 })}.${signature}`,
    'no end': await signed({ exp: undefined as unknown as number }),
    'an end that has passed': await signed({ exp: now - 1 }),
    'an end that is text': await signed({ exp: '9999999999' as unknown as number }),
    'a beginning that has not come': await signed({ nbf: now + 600 }),
    'another issuer': await signed({ iss: 'https://127.0.0.1/other' }),
    'our issuer in capitals': await signed({ iss: 'BERTH' }),
    'our issuer with a blank': await signed({ iss: 'berth ' }),
    'no issuer': await signed({ iss: undefined as unknown as string }),
    'no audience': await signed({ aud: undefined as unknown as string }),
    'an audience that begins like it': await signed({ aud: `${audience}x` }),
    ...Object.fromEntries(ofOthers),
    'a connection token': await tokens.issueConnectionToken(
      { sessionId: 'x', creationTime: 0, user: clientId, lifetimeMinutes: 60 },
      Date.now(),
    ),
    'an altered payload': `${head}.${encoded({ ...claims, sub: randomUUID() })}.${signature}`,
    'an altered head': `${headed({ alg: 'RS256', kid, typ: 'at+jwt' })}.${signature}`,
    'an altered signature': `${head}.${payload}.${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`,
    'half a signature': `${head}.${payload}.${signature.slice(0, 100)}`,
    'no signature': `${head}.${payload}.`,
    'no signature at all': `${head}.${payload}`,
    'more behind it': `${good}.${signature}`,
    'rubbish behind it': `${good}AAAA`,
    'an equals sign behind it': `${good}=`,
    'a token of five parts': `${good}.${payload}.${signature}`,
    'no JSON': `${encoded('{"alg":')}.${payload}.${signature}`,
    'an array for claims': `${head}.${encoded([1])}.${signature}`,
    rubbish: 'x',
    '10,000 characters': 'a'.repeat(10_000),
    'an account that is nobody’s': await signed({ sub: '' }),
  };
}

t.test('forged tokens are refused at every door that takes tokens, and told to the audit without what they are', async (t) => {
  const ground = await prepareGround(t, { bare: true, flags: ['--log-level', 'debug'] });
  const shown: string[] = [];
  for (const audience of ['api', 'agent', 'broker'] as const) {
    const good = await ground.tokens.issueAccessToken(
      { clientId: clientOf(ground, audience), audience, lifetimeSeconds: 3600 },
      Date.now(),
    );
    t.equal((await show(ground, audience, good)).status, TAKEN[audience].good, `the right one for ${audience} is taken`);
    // Every other broker on the log is one, so what its tokens say that it is called does not matter.
    const { 'an account that is nobody’s': nobody = '', ...others } = await forgeriesOf(ground, audience);
    if (audience !== 'broker') t.equal((await show(ground, audience, nobody)).status, 401);
    for (const [name, forged] of Object.entries(others)) {
      const { status, headers, body } = await show(ground, audience, forged);
      t.equal(status, 401, `${name} for ${audience}`);
      t.match(headers['www-authenticate'], /^Bearer/, name);
      t.notMatch(body, forged.length > 20 ? forged.slice(-20) : '\0', 'and is not repeated');
      shown.push(forged);
    }
    t.equal((await show(ground, audience, good)).status, TAKEN[audience].good, 'the right one is still taken');
  }
  const audit = JSON.stringify(await ground.broker.client.call('GET', '/audit?Type=attempt.refused'));
  t.match(audit, /INVALID_TOKEN/);
  t.match(audit, /EXPIRED_TOKEN/);
  const signatures = shown.map((token) => token.split('.')[2] ?? '').filter((signature) => signature.length > 40);
  const said = `${audit}${ground.broker.process.stdout()}${ground.broker.process.stderr()}`;
  t.same(
    signatures.filter((signature) => said.includes(signature)),
    [],
  );
});

t.test('a token of a client that is not registered, or not any more, is good for nothing', async (t) => {
  const ground = await prepareGround(t, { bare: true });
  const { broker, post } = ground;
  const stranger = await ground.tokens.issueAccessToken({ clientId: randomUUID(), audience: 'api', lifetimeSeconds: 3600 }, Date.now());
  t.match(await show(ground, 'api', stranger), { status: 401, body: /not registered/ });
  const berth = async (...words: readonly string[]) => {
    const process = runModule(t, BERTH, [...words, '--data-dir', broker.dataDir], { bare: true });
    t.equal(await process.ended, 0, words.join(' '));
    return process.stdout();
  };
  const [, id = '', password = ''] =
    /client-id: (\S+)\s+client-password: (\S+)/.exec(await berth('register-api-client', '--client-name', 'leaving')) ?? [];
  const ask = () =>
    post('client', '/oauth2/token?grant_type=client_credentials', '', {
      authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`,
    });
  const { access_token: token } = JSON.parse((await ask()).body) as { access_token: string };
  t.equal((await show(ground, 'api', token)).status, 200);
  await berth('unregister-api-client', '--client-id', id);
  t.equal((await show(ground, 'api', token)).status, 401, 'its token');
  t.equal((await ask()).status, 401, 'and its password');
  await broker.kill();
  broker.spawn();
  await broker.ready();
  t.equal((await show(ground, 'api', token)).status, 401, 'also after a crash');
});

t.test('whoever guesses passwords is stopped, and keeps nobody else from coming in', async (t) => {
  const { broker, doors } = await prepareGround(t, { bare: true });
  const { clientId, clientPassword } = broker.connection;
  const from = async (t: Test, localAddress: string) => {
    const dispatcher = new Agent({ localAddress, connect: { ca: doors.client.ca } });
    t.teardown(() => dispatcher.destroy());
    return async (password: string, headers: Readonly<Record<string, string>> = {}) => {
      const authorization = `Basic ${Buffer.from(`${clientId}:${password}`).toString('base64')}`;
      const url = `https://127.0.0.1:${doors.client.port}/oauth2/token?grant_type=client_credentials`;
      const answer = await request(url, { method: 'POST', headers: { authorization, ...headers }, dispatcher });
      await answer.body.dump();
      return { status: answer.statusCode, retryAfter: answer.headers['retry-after'] };
    };
  };
  const [guesser, client] = [await from(t, '127.0.0.66'), await from(t, '127.0.0.1')];
  const guesses = await Promise.all(
    Array.from({ length: 300 }, (_, index) => guesser(`guess-${index}`, { 'x-forwarded-for': `10.0.0.${index}` })),
  );
  const tried = guesses.filter(({ status }) => status === 401).length;
  t.ok(tried >= 20 && tried <= 40, `${tried} guesses were tried`);
  t.equal(
    guesses.filter(({ status }) => status === 429).length,
    300 - tried,
    'and the others were not, whatever they say that they were forwarded for',
  );
  t.match(guesses.find(({ status }) => status === 429)?.retryAfter, /^\d+$/);
  t.equal((await client(clientPassword)).status, 200, 'the client that was guessed at comes in from elsewhere');
});
