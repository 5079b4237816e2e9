/** Access tokens and connection tokens. */
import { decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import t from 'tap';
import { createTokens } from '../../adapters/tokens.ts';
import { newSigningKeys } from '../helpers/signing-keys.ts';

const NOW = Date.UTC(2026, 0, 1);
const WISH = { clientId: 'client', audience: 'api', lifetimeSeconds: 60 } as const;

const keys = newSigningKeys();

t.test('an access token is good for its client until it expires, remembered or not', async (t) => {
  const tokens = createTokens(keys);
  const token = await tokens.issueAccessToken(WISH, NOW);
  for (const verifier of [tokens, tokens, createTokens(keys)]) {
    t.strictSame(await verifier.verifyAccessToken(token, 'api', NOW + 59_999), { valid: { clientId: 'client' } });
  }
  t.strictSame(await tokens.verifyAccessToken(token, 'api', NOW + 60_000), { refused: 'expired' });
  t.strictSame(await createTokens(keys).verifyAccessToken(token, 'api', NOW + 60_000), { refused: 'expired' });
});

t.test('a token is signed with RS256 by a key that it names', async (t) => {
  const token = await createTokens(keys).issueAccessToken(WISH, NOW);
  t.strictSame(decodeProtectedHeader(token), { alg: 'RS256', typ: 'JWT', kid: keys.current.kid });
  t.strictSame(decodeJwt(token), { iss: 'berth', sub: 'client', aud: 'api', iat: NOW / 1000, exp: NOW / 1000 + 60 });
});

t.test('a token that is good for some of what its client may do says for what, remembered or not', async (t) => {
  const tokens = createTokens(keys);
  const token = await tokens.issueAccessToken({ ...WISH, scopes: ['audit:read', 'sessions:read'] }, NOW);
  t.equal(decodeJwt(token)['scope'], 'audit:read sessions:read');
  const content = { clientId: 'client', scopes: ['sessions:read', 'audit:read'] };
  for (const verifier of [tokens, tokens, createTokens(keys)])
    t.same(await verifier.verifyAccessToken(token, 'api', NOW), { valid: content });
  const none = await tokens.issueAccessToken({ ...WISH, scopes: [] }, NOW);
  t.same(await tokens.verifyAccessToken(none, 'api', NOW), { valid: { clientId: 'client', scopes: [] } }, 'none is not all');
  const all = await tokens.issueAccessToken({ ...WISH, scopes: null }, NOW);
  t.same(await tokens.verifyAccessToken(all, 'api', NOW), { valid: { clientId: 'client' } });
});

t.test('a token for one API does not pass at the other, even when it is remembered', async (t) => {
  const tokens = createTokens(keys);
  const token = await tokens.issueAccessToken(WISH, NOW);
  t.strictSame(await tokens.verifyAccessToken(token, 'agent', NOW), { refused: 'invalid' });
  await tokens.verifyAccessToken(token, 'api', NOW);
  t.strictSame(await tokens.verifyAccessToken(token, 'agent', NOW), { refused: 'invalid' });
});

t.test('a connection token lets one user into one session until it expires', async (t) => {
  const tokens = createTokens(keys);
  const entry = { sessionId: 'one', creationTime: 7, user: 'DOMAIN\\ann' };
  const token = await tokens.issueConnectionToken({ ...entry, lifetimeMinutes: 60 }, NOW);
  t.ok(token.length < 1000);
  t.strictSame(await tokens.verifyConnectionToken(token, NOW + 3_599_999), { valid: entry });
  t.strictSame(await tokens.verifyConnectionToken(token, NOW + 3_600_000), { refused: 'expired' });
});

t.test('neither kind of token passes for the other', async (t) => {
  const tokens = createTokens(keys);
  const access = await tokens.issueAccessToken(WISH, NOW);
  const connection = await tokens.issueConnectionToken({ sessionId: 'one', creationTime: 7, user: 'ann', lifetimeMinutes: 1 }, NOW);
  t.strictSame(await tokens.verifyConnectionToken(access, NOW), { refused: 'invalid' });
  t.strictSame(await tokens.verifyAccessToken(connection, 'api', NOW), { refused: 'invalid' });
});

t.test('what is not ours is refused', async (t) => {
  const tokens = createTokens(keys);
  const other = newSigningKeys();
  const claims = { iss: 'berth', sub: 'client', aud: 'api', exp: NOW / 1000 + 60 };
  const signed = (payload: object, { alg = 'RS256', kid = keys.current.kid, key = keys.current.privateKey } = {}) =>
    new SignJWT({ ...payload }).setProtectedHeader({ alg, kid }).sign(key);
  const forgeries = {
    'no token': 'x.y.z',
    'no signature': new UnsecuredJWT(claims).encode(),
    'an unknown key': await signed(claims, { kid: other.current.kid, key: other.current.privateKey }),
    'a key under the name of ours': await signed(claims, { key: other.current.privateKey }),
    'another algorithm': await signed(claims, { alg: 'PS256' }),
    'another issuer': await signed({ ...claims, iss: 'somebody' }),
    'no end': await signed({ iss: 'berth', sub: 'client', aud: 'api' }),
    'no client': await signed({ ...claims, sub: undefined }),
    'too long': await signed({ ...claims, more: 'x'.repeat(4096) }),
  };
  t.strictSame(await tokens.verifyAccessToken(await signed(claims), 'api', NOW), { valid: { clientId: 'client' } });
  for (const [name, token] of Object.entries(forgeries)) {
    t.strictSame(await tokens.verifyAccessToken(token, 'api', NOW), { refused: 'invalid' }, name);
  }
});

t.test('the signature of a token is checked once, however often it is sent', async (t) => {
  let checks = 0;
  const counting = {
    ...keys,
    find: (kid: string | undefined) => {
      checks += 1;
      return keys.find(kid);
    },
  };
  const tokens = createTokens(counting);
  const token = await tokens.issueAccessToken(WISH, NOW);
  for (let round = 0; round < 100; round += 1) await tokens.verifyAccessToken(token, 'api', NOW);
  t.equal(checks, 1);
});
