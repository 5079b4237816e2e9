/** What administrators may say of clients, and of authorization servers elsewhere. */
import t from 'tap';
import { registerAuthServerWish, registerClientWish } from '../../../adapters/wire/admin.ts';

t.test('a client may do everything unless it is said what, or for whom', (t) => {
  const reachOf = (wish: object) => registerClientWish.parse({ name: 'x', ...wish }).reach;
  t.strictSame(registerClientWish.parse({ name: 'x' }), { name: 'x', reach: { scopes: null, owner: null } });
  const scopes = ['audit:read', 'dcv-session-manager/sessions:read', 'audit:read'];
  t.strictSame(reachOf({ scopes }), { scopes: ['sessions:read', 'audit:read'], owner: null });
  t.strictSame(reachOf({ owner: ' Ünal "x" ' }), { scopes: null, owner: ' Ünal "x" ' }, 'as it is');
  t.strictSame(reachOf({ owner: 'ann', scopes: ['sessions:write'] }), { scopes: ['sessions:write'], owner: 'ann' });
  t.end();
});

t.test('a client that cannot be is refused with the field and the reason', (t) => {
  const known = 'the scopes are sessions:read, sessions:write, servers:write, audit:read';
  const faults: readonly (readonly [wish: object, path: readonly (string | number)[], message: string | RegExp])[] = [
    [{ scopes: ['sessions:read', 'session:read'] }, ['scopes', 1], `is not known: ${known}; did you mean sessions:read?`],
    [{ scopes: ['*'] }, ['scopes', 0], `is not known: ${known}`],
    [{ scopes: [] }, ['scopes'], 'must name one at least'],
    [{ scopes: Array(1000).fill('audit:read') }, ['scopes'], /./],
    [{ scopes: 'audit:read' }, ['scopes'], /expected array/],
    [{ scopes: [null] }, ['scopes', 0], /expected string/],
    [{ scopes: null }, ['scopes'], /expected array/],
    [{ owner: '' }, ['owner'], /./],
    [{ owner: ' \u2003' }, ['owner'], 'must not be blank'],
    [{ owner: 'a\n' }, ['owner'], 'has characters that cannot be used'],
    [{ owner: '\ud800' }, ['owner'], 'has characters that cannot be used'],
    [{ owner: 'x'.repeat(257) }, ['owner'], /256/],
    [{ owner: 5 }, ['owner'], /expected string/],
    [{ owner: 'ann', scopes: ['servers:write', 'audit:read'] }, ['scopes'], /must not have servers:write, audit:read beside an owner/],
    [{ scope: ['audit:read'] }, [], /"scope"/],
  ];
  for (const [wish, path, message] of faults) {
    const { error } = registerClientWish.safeParse({ name: 'x', ...wish });
    const found = error?.issues.find((issue) => JSON.stringify(issue.path) === JSON.stringify(path));
    t.match(found?.message, message, JSON.stringify(wish).slice(0, 80));
  }
  t.end();
});

t.test('the issuer follows from the URL, unless it is said', (t) => {
  const issuer = (url: string, said?: string) => registerAuthServerWish.parse({ url, issuer: said }).issuer;
  const pool = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC';
  t.equal(issuer(`${pool}/.well-known/jwks.json`), pool);
  t.equal(issuer('https://example.com/.well-known/jwks.json'), 'https://example.com');
  t.equal(issuer('https://example.com/keys', 'https://example.com/'), 'https://example.com');
  t.equal(issuer('http://[::1]:8080/realm/.well-known/jwks.json'), 'http://[::1]:8080/realm');
  t.equal(issuer('http://localhost/.well-known/jwks.json', 'urn:x'), 'urn:x');
  t.end();
});

t.test('what cannot be an authorization server is refused with the field and the reason', (t) => {
  const faults: readonly (readonly [wish: object, field: string, sentence: RegExp])[] = [
    [{ url: 'nonsense' }, 'url', /^must be the URL of a JSON Web Key Set/],
    [{ url: 'http://example.com/.well-known/jwks.json' }, 'url', /^must begin with https:/],
    [{ url: 'http://127.0.0.1.example.com/.well-known/jwks.json' }, 'url', /^must begin with https:/],
    [{ url: 'file:///.well-known/jwks.json' }, 'url', /^must begin with https:/],
    [{ url: 'https://user:secret@example.com/.well-known/jwks.json' }, 'url', /^must be a URL without a user/],
    [{ url: `https://example.com/.well-known/${'x'.repeat(1100)}` }, 'url', /./],
    [{ url: 'https://example.com/keys' }, 'issuer', /^has to be given \(--issuer\)/],
    [{ url: 'https://example.com/keys', issuer: 'berth' }, 'issuer', /^must not be berth/],
    [{ url: 'https://example.com/keys', issuer: 'a b' }, 'issuer', /^has characters/],
  ];
  for (const [wish, field, sentence] of faults) {
    const { error } = registerAuthServerWish.safeParse(wish);
    t.match(error?.issues, [{ path: [field], message: sentence }], JSON.stringify(wish).slice(0, 80));
  }
  t.end();
});
