/** Tokens of authorization servers elsewhere, with servers that publish their keys over HTTP: which are good, and whatever may be tried. */
import { generateKeyPairSync } from 'node:crypto';
import { exportSPKI, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import t, { type Test } from 'tap';
import { KEY_SET_LIMITS, type KeySetLimits } from '../../../adapters/external/key-set.ts';
import { createExternalTokens, type ExternalDemands, issuedBy } from '../../../adapters/external/tokens.ts';
import { createTrustedServers } from '../../../domain/auth-server/trusted.ts';
import { newKey, startAuthServer, type TestAuthServer } from '../../helpers/auth-server.ts';
import { newSigningKeys } from '../../helpers/signing-keys.ts';
import { pause } from '../../helpers/until.ts';

interface Options {
  readonly limits?: Partial<KeySetLimits>;
  readonly demands?: Partial<ExternalDemands>;
}

const NO_DEMANDS: ExternalDemands = { audience: undefined, scopes: [], scopesCount: false };

/** A broker's side, and one server that it trusts, which has published a key. */
async function setUp(t: Test, { limits = {}, demands = {} }: Options = {}) {
  const trusted = createTrustedServers();
  const failures: unknown[] = [];
  let offset = 0;
  const tokens = createExternalTokens({
    trusted,
    demands: { ...NO_DEMANDS, ...demands },
    now: () => Date.now() + offset,
    failed: (url, error) => failures.push(`${url} ${error}`),
    limits: { ...KEY_SET_LIMITS, ...limits },
  });
  const server = await startAuthServer(t);
  const key = await newKey('one');
  server.publish(key.jwk);
  trust(server);
  function trust({ url, issuer }: Pick<TestAuthServer, 'url' | 'issuer'>): void {
    trusted.put(url, { url, issuer });
  }
  const verify = (token: string) => tokens.verify(token, issuedBy(token) ?? '');
  const pass = (ms: number): void => {
    offset += ms;
  };
  return { server, key, trusted, trust, verify, failures, pass };
}

const INVALID = { refused: 'invalid' };

t.test('a token of a trusted server is good, and its client goes by the name of the issuer too', async (t) => {
  const { server, key, verify } = await setUp(t);
  const { issuer } = server;
  t.same(await verify(await server.sign(key)), { valid: { clientId: `${issuer}#portal` } });
  t.same(await verify(await server.sign(key, { client_id: undefined, azp: 'console' })), { valid: { clientId: `${issuer}#console` } });
  t.same(await verify(await server.sign(key, { client_id: undefined, sub: 'ann' })), { valid: { clientId: `${issuer}#ann` } });
  t.same(await verify(await server.sign(key, { iss: `${issuer}/` })), { valid: { clientId: `${issuer}#portal` } }, 'a slash is no other');
  t.equal(server.requests(), 1, 'and the keys were fetched once');
});

t.test('every algorithm with a private key is taken that is in use', async (t) => {
  const { server, verify } = await setUp(t);
  for (const alg of ['RS256', 'RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
    const { server: other, verify } = await setUp(t);
    const key = await newKey('other', alg);
    other.publish(key.jwk);
    t.match(await verify(await other.sign(key)), { valid: {} }, alg);
  }
  t.match(await verify(await server.sign(await newKey('one'))), INVALID, 'another key of the same name');
});

t.test('what is signed with nothing, or with what everybody knows, is refused', async (t) => {
  const { server, verify } = await setUp(t);
  const rsa = await newKey('rsa', 'RS256');
  server.publish(rsa.jwk);
  const exp = Math.floor(Date.now() / 1000) + 600;
  const claims = { iss: server.issuer, client_id: 'portal', exp };
  t.same(await verify(new UnsecuredJWT(claims).encode()), INVALID, 'alg none');
  const publicKey = await importJWK({ ...rsa.jwk, ext: true }, 'RS256', { extractable: true });
  const publicKeys = [await exportSPKI(publicKey as Parameters<typeof exportSPKI>[0]), JSON.stringify(rsa.jwk), String(rsa.jwk.n)];
  for (const secret of publicKeys) {
    for (const alg of ['HS256', 'HS512']) {
      const forged = await new SignJWT(claims).setProtectedHeader({ alg, kid: 'rsa' }).sign(Buffer.from(secret.padEnd(64)));
      t.same(await verify(forged), INVALID, `${alg} with the public key`);
    }
  }
  const other = await setUp(t);
  other.server.publish({ kty: 'oct', kid: 'secret', alg: 'HS256', k: Buffer.alloc(32, 1).toString('base64url') });
  const symmetric = await new SignJWT({ ...claims, iss: other.server.issuer })
    .setProtectedHeader({ alg: 'HS256', kid: 'secret' })
    .sign(Buffer.alloc(32, 1));
  t.same(await other.verify(symmetric), INVALID, 'even where the server publishes it');
  const [head = '', body = ''] = (await server.sign(rsa)).split('.');
  t.same(await verify(`${head}.${body}.`), INVALID, 'without a signature');
  const embedded = await newKey('mine');
  t.same(await verify(await server.sign(embedded, {}, { jwk: embedded.jwk })), INVALID, 'a key that comes along');
  t.same(await verify(await server.sign(embedded, {}, { jku: server.url, kid: 'rsa' })), INVALID, 'or is said to be elsewhere');
  const strange = Buffer.from('{"alg":"RS256","kid":"rsa","crit":["x"],"x":1}').toString('base64url');
  t.same(
    await verify(`${strange}.${(await server.sign(rsa)).split('.').slice(1).join('.')}`),
    INVALID,
    'what must be understood and is not',
  );
});

t.test('a token is good in the name of its signer only', async (t) => {
  const { server: a, key: keyOfA, trust, verify } = await setUp(t);
  const b = await startAuthServer(t);
  const keyOfB = await newKey('one');
  b.publish(keyOfB.jwk);
  t.same(await verify(await b.sign(keyOfB)), { refused: 'unknown-issuer' });
  t.equal(b.requests(), 0, 'nobody is asked for keys whom no operator has named');
  trust(b);
  t.match(await verify(await b.sign(keyOfB)), { valid: {} });
  t.same(await verify(await b.sign(keyOfB, { iss: a.issuer })), INVALID, 'issuer A, signed by B');
  t.same(await verify(await a.sign(keyOfA, { iss: b.issuer })), INVALID, 'issuer B, signed by A');
  const own = newSigningKeys().current;
  const foreign = new SignJWT({ iss: a.issuer, sub: 'x', exp: 4e9 }).setProtectedHeader({ alg: 'RS256', kid: own.kid });
  t.same(await verify(await foreign.sign(own.privateKey)), INVALID, 'issuer A, signed by the broker itself');
  for (const iss of [`${a.issuer}//`, a.issuer.toUpperCase(), `${a.issuer}/x`, `${a.issuer}?`])
    t.same(await verify(await a.sign(keyOfA, { iss })), { refused: 'unknown-issuer' }, iss);
});

t.test('a token is good for its time, with half a minute for clocks that differ, and never without an end', async (t) => {
  const { server, key, verify } = await setUp(t);
  const now = Math.floor(Date.now() / 1000);
  t.match(await verify(await server.sign(key, { exp: now - 10 })), { valid: {} });
  t.same(await verify(await server.sign(key, { exp: now - 60 })), { refused: 'expired' });
  t.same(await verify(await server.sign(key, { exp: undefined })), INVALID);
  t.same(await verify(await server.sign(key, { nbf: now + 300 })), INVALID);
});

t.test('claims that are not as they ought to be are refused, whatever they are', async (t) => {
  const { server, key, verify } = await setUp(t);
  const nobody = { client_id: undefined };
  for (const claims of [nobody, { client_id: '' }, { client_id: 'a\nb' }, { client_id: 'x'.repeat(257) }, { ...nobody, sub: undefined }])
    t.same(await verify(await server.sign(key, claims)), INVALID, JSON.stringify(claims).slice(0, 50));
  for (const claims of [{ client_id: 5 }, { client_id: ['portal'] }, { scope: { a: 1 } }, { scp: 5 }])
    t.same(await verify(await server.sign(key, claims)), INVALID, JSON.stringify(claims));
  t.same(await verify(await server.sign(key, { token_use: 'id' })), INVALID, 'a token of a log-in is none to call with');
  t.match(await verify(await server.sign(key, { token_use: 'access' })), { valid: {} });
  for (const token of ['', 'x', 'a.b.c', `e30.${Buffer.from('{"iss":{}}').toString('base64url')}.x`])
    t.equal(issuedBy(token), undefined, token);
  t.equal(issuedBy(await server.sign(key, { groups: 'x'.repeat(9000) })), undefined, 'nor is what is beyond all measure looked at');
});

t.test('where an audience or scopes are demanded, a token without them is refused', async (t) => {
  const one = await setUp(t, { demands: { audience: 'berth' } });
  t.same(await one.verify(await one.server.sign(one.key)), { refused: 'audience' });
  t.same(await one.verify(await one.server.sign(one.key, { aud: 'other' })), { refused: 'audience' });
  t.match(await one.verify(await one.server.sign(one.key, { aud: ['other', 'berth'] })), { valid: {} });
  const { server, key, verify } = await setUp(t, { demands: { scopes: ['dcv-session-manager/sm_scope', 'more'] } });
  for (const scope of [undefined, '', 'more', 'dcv-session-manager/sm_scope', 'dcv-session-manager/sm_scope,more'])
    t.same(await verify(await server.sign(key, { scope })), { refused: 'scope' }, scope ?? 'none');
  t.match(await verify(await server.sign(key, { scope: 'a more dcv-session-manager/sm_scope' })), { valid: {} });
  t.match(await verify(await server.sign(key, { scp: ['more', 'dcv-session-manager/sm_scope'] })), { valid: {} });
});

t.test('a key that comes later is fetched, but not at the whim of whoever writes tokens', async (t) => {
  const { server, key, verify } = await setUp(t, { limits: { cooldownMs: 1_000 } });
  t.match(await verify(await server.sign(key)), { valid: {} });
  const next = await newKey('two');
  server.publish(next.jwk);
  const token = await server.sign(next);
  for (const _ of [1, 2, 3]) t.same(await verify(token), INVALID, 'not yet');
  t.equal(server.requests(), 1);
  await pause(1_100);
  t.match(await verify(token), { valid: {} });
  t.equal(server.requests(), 2);
});

t.test('a key that was withdrawn is good no longer than keys are fresh', async (t) => {
  const { server, key, verify, pass } = await setUp(t);
  const token = await server.sign(key, { exp: 4e9 });
  t.match(await verify(token), { valid: {} });
  server.publish((await newKey('two')).jwk);
  t.match(await verify(token), { valid: {} });
  pass(KEY_SET_LIMITS.freshMs);
  t.same(await verify(token), INVALID);
});

t.test('while a server is away its last keys are used, up to a day, and then nobody can tell', async (t) => {
  const { server, key, verify, pass, failures } = await setUp(t);
  const token = await server.sign(key, { exp: 4e9 });
  t.match(await verify(token), { valid: {} });
  server.behave((request) => request.socket.destroy());
  pass(KEY_SET_LIMITS.freshMs);
  for (const _ of [1, 2, 3]) t.match(await verify(token), { valid: {} });
  t.equal(server.requests(), 2, 'and it is asked again after a pause only');
  t.equal(failures.length, 1);
  pass(KEY_SET_LIMITS.keptMs);
  await t.rejects(verify(token), { name: 'KeysUnavailableError' });
  server.behave(undefined);
  pass(KEY_SET_LIMITS.pauseMs);
  t.match(await verify(token), { valid: {} });
});

t.test('a server that answers anything but keys has none', async (t) => {
  const huge = JSON.stringify({ keys: Array.from({ length: 90 }, (_, index) => ({ kty: 'RSA', kid: `${index}`, n: 'x'.repeat(4000) })) });
  const many = JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'RSA' })) });
  const elsewhere = await startAuthServer(t);
  const key = await newKey('one');
  elsewhere.publish(key.jwk);
  const answers: readonly (readonly [string, Parameters<TestAuthServer['behave']>[0]])[] = [
    ['huge', (_, response) => void response.end(huge)],
    ['many', (_, response) => void response.end(many)],
    ['redirecting', (_, response) => void response.writeHead(302, { location: elsewhere.url }).end()],
    ['failing', (_, response) => void response.writeHead(500).end()],
    ['a page', (_, response) => void response.end('<html>')],
    ['no keys', (_, response) => void response.end('{"keys":5}')],
    ['no text', (_, response) => void response.end(Buffer.from([0xff, 0xfe]))],
    ['silent', () => undefined],
    ['slow', (_, response) => void response.write('{"keys":[')],
  ];
  for (const [what, answer] of answers) {
    const { server, verify, failures } = await setUp(t, { limits: { timeoutMs: 300 } });
    server.behave(answer);
    await t.rejects(verify(await server.sign(key)), { name: 'KeysUnavailableError' }, what);
    await t.rejects(verify(await server.sign(key)), { name: 'KeysUnavailableError' }, what);
    t.equal(server.requests(), 1, 'and is not asked again at once');
    t.equal(failures.length, 1, what);
  }
  t.equal(elsewhere.requests(), 0, 'nor is anybody else');
});

t.test('the scopes of this API count where the operator says so, as each kind of server writes them', async (t) => {
  const { server, key, verify } = await setUp(t, { demands: { scopesCount: true, scopes: ['pool'] } });
  for (const [claims, scopes] of [
    [{ scope: 'pool sessions:read' }, ['sessions:read']],
    [{ scope: 'pool dcv-session-manager/audit:read dcv-session-manager/servers:write' }, ['servers:write', 'audit:read']],
    [{ scp: ['pool', 'sessions:write'] }, ['sessions:write']],
    [{ scope: 'pool' }, []],
    [{ scope: 'pool SESSIONS:READ other/sessions:read sessions:* *' }, []],
  ] as const) {
    const { valid } = (await verify(await server.sign(key, claims))) as { valid: object };
    t.same(valid, { clientId: `${server.issuer}#portal`, scopes }, JSON.stringify(claims));
  }
  t.same(await verify(await server.sign(key, { scope: 'sessions:read' })), { refused: 'scope' }, 'and those that are required are');
});

t.test('keys that nothing can be done with make no token good', async (t) => {
  const { server, key, verify } = await setUp(t);
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
  server.publish({ ...small.publicKey.export({ format: 'jwk' }), kid: 'small', alg: 'RS256' } as typeof key.jwk, { kty: 'EC', kid: 'one' });
  t.same(await verify(await server.sign(key)), INVALID);
  const body = Buffer.from(JSON.stringify({ iss: server.issuer, sub: 'x', exp: 4e9 })).toString('base64url');
  const head = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'small' })).toString('base64url');
  t.same(await verify(`${head}.${body}.AAAA`), INVALID);
});

t.test('a server that is not trusted any more is so at once, even for who is on the way', async (t) => {
  const { server, key, trusted, verify } = await setUp(t);
  const token = await server.sign(key);
  server.behave((_, response) => {
    trusted.apply(server.url, { type: 'auth-server.unregistered', data: {} });
    response.end(JSON.stringify({ keys: [key.jwk] }));
  });
  t.same(await verify(token), { refused: 'unknown-issuer' });
  trusted.put(server.url, server);
  t.match(await verify(token), { valid: {} });
  trusted.apply(server.url, { type: 'auth-server.unregistered', data: {} });
  t.same(await verify(token), { refused: 'unknown-issuer' });
});

t.test('servers that speak in one name are asked one after another, and those of former times are let go of', async (t) => {
  const { server, key, trusted, trust, verify } = await setUp(t);
  const second = await startAuthServer(t);
  const other = await newKey('two');
  second.publish(other.jwk);
  trust({ url: second.url, issuer: server.issuer });
  t.match(await verify(await server.sign(key)), { valid: {} });
  t.match(await verify(await server.sign(other)), { valid: {} });
  trusted.apply(server.url, { type: 'auth-server.unregistered', data: {} });
  const third = await startAuthServer(t);
  third.publish(key.jwk);
  trust(third);
  t.match(await verify(await third.sign(key)), { valid: {} });
  trust(server);
  const before = server.requests();
  t.match(await verify(await server.sign(key)), { valid: {} });
  t.equal(server.requests(), before + 1);
});
