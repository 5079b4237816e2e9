import t from 'tap';
import { disclosed } from '../../projections/disclosure.ts';
import { wish } from '../helpers/samples.ts';

t.test('what is about sessions, servers and attempts is shown as it is', (t) => {
  const data = wish();
  for (const type of ['session.requested', 'server.anything', 'attempt.refused', 'login.accepted'])
    t.equal(disclosed({ type, data }), data);
  t.end();
});

t.test('answers that were kept, hashes and whatever is not known to be harmless are not shown', (t) => {
  for (const [type, data, shown] of [
    ['request.accepted', { operation: 'POST /x', fingerprint: 'f', expires: 1 }, { operation: 'POST /x', expires: 1 }],
    ['request.answered', { status: 200, body: '{}' }, { status: 200 }],
    [
      'api-client.registered',
      { name: 'console', passwordHash: 'hash', scopes: ['audit:read'], owner: null },
      { name: 'console', scopes: ['audit:read'], owner: null },
    ],
    ['api-client.unregistered', {}, {}],
    ['software-statement.issued', { statementHash: 'hash' }, {}],
    ['agent-client.registered', { name: 'host', secretHash: 'hash', statementId: '1' }, { name: 'host', statementId: '1' }],
    ['signing-keys.sealed', { sealed: 'secret' }, {}],
  ] as const) {
    t.strictSame(disclosed({ type, data }), shown, type);
  }
  t.end();
});
