/** What each operation demands: every one of them with every scope, and whoever may do less than everything. */
import t, { type Test } from 'tap';
import { createBearerCheck, withoutNeed } from '../../../adapters/http/bearer.ts';
import { type OperationId, operations } from '../../../adapters/http/operations.ts';
import { EVERYTHING, type Reach, SCOPES, type Scope } from '../../../domain/access/reach.ts';
import type { RefusedAttempt } from '../../../domain/attempt/events.ts';
import type { Origin } from '../../../domain/facts.ts';
import { addServers, CLIENT_ID, createTestApi } from '../../helpers/client-api.ts';

/** By operation: a request that succeeds, and which scope lets it. */
const TABLE: Readonly<Record<OperationId, readonly [method: string, path: string, body: unknown, ...scopes: readonly Scope[]]>> = {
  describeSessions: ['POST', '/describeSessions', {}, 'sessions:read'],
  describeServers: ['POST', '/describeServers', {}, 'sessions:read', 'servers:write'],
  createSessions: ['POST', '/createSessions', [{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' }], 'sessions:write'],
  deleteSessions: ['POST', '/deleteSessions', [{ SessionId: 'x', Owner: 'ann' }], 'sessions:write'],
  updateSessionPermissions: [
    'PUT',
    '/sessionPermissions',
    [{ SessionId: 'x', Owner: 'ann', PermissionsFile: 'W3Blcm1pc3Npb25zXQo=' }],
    'sessions:write',
  ],
  GetSessionConnectionData: ['GET', '/sessionConnectionData/x/ann', undefined, 'sessions:write'],
  getSessionScreenshots: ['POST', '/getSessionScreenshots', [{ SessionId: 'x' }], 'sessions:read'],
  openServers: ['POST', '/openServers', [{ ServerId: 'server-1' }], 'servers:write'],
  closeServers: ['POST', '/closeServers', [{ ServerId: 'server-1' }], 'servers:write'],
  getSessionHistory: ['GET', '/sessions/x/history', undefined, 'sessions:read'],
  getServerHistory: ['GET', '/servers/server-1/history', undefined, 'sessions:read', 'servers:write'],
  getAudit: ['GET', '/audit', undefined, 'audit:read'],
};
const rows = Object.entries(TABLE);
/** To the fleet as a whole, and not to the sessions of one owner. */
const OF_FLEET = ['describeServers', 'openServers', 'closeServers', 'getServerHistory', 'getAudit'];

async function setUp(t: Test) {
  const refused: { readonly attempt: RefusedAttempt; readonly origin: Origin }[] = [];
  const api = await createTestApi(t, { attempts: { refused: (attempt, origin) => refused.push({ attempt, origin }) } });
  addServers(api, 1);
  const now = api.clock.now();
  const issue = (scopes?: readonly Scope[]) =>
    api.tokens.issueAccessToken({ clientId: CLIENT_ID, audience: 'api', lifetimeSeconds: 60, scopes: scopes ?? null }, now);
  const ask = async (operation: string, token: string) => {
    const [method, path, body] = TABLE[operation as OperationId];
    const headers = { authorization: `Bearer ${token}` };
    return api.send(path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  };
  const become = (reach: Partial<Reach>) => void api.clients.set(CLIENT_ID, { scopes: null, owner: null, ...reach });
  return { ...api, refused, issue, ask, become };
}

t.test('the table has every operation', async (t) => {
  t.same(rows.map(([id]) => id).sort(), operations.map(({ id }) => id).sort());
});

for (const [how, narrow] of [
  ['a client', true],
  ['a token', false],
] as const) {
  t.test(`an operation is open to ${how} with its scope, and to no other`, async (t) => {
    const { issue, ask, become, refused } = await setUp(t);
    for (const scope of SCOPES) {
      if (narrow) become({ scopes: [scope] });
      const token = await issue(narrow ? undefined : [scope]);
      for (const [operation, [, , , ...enough]] of rows) {
        const answer = await ask(operation, token);
        if (enough.includes(scope)) {
          t.not(answer.status, 403, `${operation} with ${scope}`);
          continue;
        }
        const error = `This needs the scope ${enough.join(' or ')}, and the token has only ${scope}`;
        t.strictSame([answer.status, answer.body], [403, { error }], `${operation} with ${scope}`);
        t.equal(answer.headers.get('www-authenticate'), `Bearer error="insufficient_scope", scope="${enough.join(' ')}"`);
        const origin = { cause: { kind: 'client', id: CLIENT_ID } };
        t.match(refused.at(-1), { attempt: { operation, status: 403, code: 'MISSING_SCOPE', reason: error }, origin });
      }
    }
  });
}

t.test('an operation is open to whoever has all scopes, said or not, and closed to whoever has none', async (t) => {
  const { issue, ask, become } = await setUp(t);
  for (const [operation] of rows) {
    for (const scopes of [undefined, SCOPES]) t.not((await ask(operation, await issue(scopes))).status, 403, operation);
    t.match(await ask(operation, await issue([])), { status: 403, body: { error: /and the token has none$/ } });
  }
  become({ scopes: [] });
  for (const [operation] of rows) t.equal((await ask(operation, await issue(SCOPES))).status, 403, operation);
});

t.test('what is closed is not looked into: neither the request nor whether its key was used', async (t) => {
  const { send, issue } = await setUp(t);
  const headers = { authorization: `Bearer ${await issue(['sessions:read'])}`, 'idempotency-key': '', 'berth-position': 'x' };
  const answer = await send('/createSessions', { method: 'POST', headers, body: 'x'.repeat(2_000_000) });
  t.match(answer, { status: 403, body: { error: /sessions:write/ } });
});

t.test('a token is worth what its client is now, however it came to be', async (t) => {
  const { issue, ask, become, clients } = await setUp(t);
  const token = await issue();
  t.equal((await ask('createSessions', token)).status, 200);
  become({ scopes: ['sessions:read'] });
  t.equal((await ask('createSessions', token)).status, 403);
  t.equal((await ask('describeSessions', token)).status, 200);
  const more = await issue(['sessions:write', 'servers:write']);
  t.match(await ask('createSessions', more), { status: 403, body: { error: /and the token has none$/ } });
  clients.delete(CLIENT_ID);
  t.equal((await ask('describeSessions', token)).status, 401);
});

t.test('servers and the audit are not there for a client of one owner, whatever scopes it has', async (t) => {
  const { issue, ask, become, refused } = await setUp(t);
  for (const scopes of [null, SCOPES]) {
    become({ owner: 'ann', scopes });
    const token = await issue();
    for (const [operation] of rows) {
      const answer = await ask(operation, token);
      if (!OF_FLEET.includes(operation)) {
        t.not(answer.status, 403, operation);
        continue;
      }
      t.match(answer, { status: 403, body: { error: /^This client is there for the sessions of one owner, not for/ } }, operation);
      t.equal(answer.headers.get('www-authenticate'), 'Bearer error="insufficient_scope"');
      t.match(refused.at(-1), { attempt: { operation, code: 'ONE_OWNER_ONLY' } });
    }
  }
  become({ owner: 'ann', scopes: ['sessions:read'] });
  t.match(await ask('createSessions', await issue()), { status: 403, body: { error: /needs the scope sessions:write/ } });
});

t.test('where nobody needs a token, whoever brings a good one goes as far as it goes', async (t) => {
  const { tokens, issue, clock, clients, become } = await setUp(t);
  become({ owner: 'ann' });
  const check = withoutNeed(createBearerCheck({ tokens, reachOf: async (id) => clients.get(id), now: clock.now }));
  t.same(await check(null), { id: 'anonymous', reach: EVERYTHING });
  t.same(await check('Bearer x'), { id: 'anonymous', reach: EVERYTHING });
  t.same(await check(`Bearer ${await issue(['sessions:read'])}`), { id: CLIENT_ID, reach: { scopes: ['sessions:read'], owner: 'ann' } });
});
