/** What administrators may say of authorization servers elsewhere. */
import t from 'tap';
import { registerAuthServerWish } from '../../../adapters/wire/admin.ts';

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
