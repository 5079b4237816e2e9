/** Scopes as they are written. */
import t from 'tap';
import { knownScopes, scopeNamed, scopesAmong } from '../../adapters/scopes.ts';
import { SCOPES } from '../../domain/access/reach.ts';

t.test('a scope is known by its name, also with what the original calls the API before it', async (t) => {
  for (const scope of SCOPES) {
    t.equal(scopeNamed(scope), scope);
    t.equal(scopeNamed(`dcv-session-manager/${scope}`), scope);
  }
  for (const text of ['', 'sessions', 'Sessions:read', 'sessions:read ', 'other/sessions:read', 'dcv-session-manager/', '__proto__', '*'])
    t.equal(scopeNamed(text), undefined, text);
});

t.test('of a list, those that are known are taken once and in order', async (t) => {
  t.same(scopesAmong(['audit:read', 'x', 'sessions:read', 'dcv-session-manager/audit:read', 'sessions:*']), [
    'sessions:read',
    'audit:read',
  ]);
  t.same(scopesAmong([]), []);
});

t.test('whoever mistypes one learns which there are and which was meant, and nothing of what was typed is said again', async (t) => {
  const all = 'the scopes are sessions:read, sessions:write, servers:write, audit:read';
  t.equal(knownScopes('session:read'), `${all}; did you mean sessions:read?`);
  t.equal(knownScopes('my-api/servers:wirte'), `${all}; did you mean servers:write?`);
  t.equal(knownScopes('YjE2M2Y3NzItOTc2Ny00ZmFhLTk2NTUtZGFmNmM3ZDhiNmZj'), all);
  t.equal(knownScopes('x'.repeat(1_000_000)), all, 'and it takes no time');
});
