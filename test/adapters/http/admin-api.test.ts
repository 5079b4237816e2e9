/** Administration over HTTP, without the socket in front of it. */
import t from 'tap';
import type { Administration } from '../../../adapters/administration.ts';
import { createAdminApi } from '../../../adapters/http/admin-api.ts';
import { systemRandom } from '../../../adapters/system.ts';
import { EVERYTHING, NOTHING } from '../../../domain/access/reach.ts';
import type { Origin } from '../../../domain/facts.ts';
import { LogBusyError } from '../../../domain/ports/event-log.ts';

function setUp(issue: (origin: Origin) => Promise<{ id: string; secret: string }>) {
  const failures: unknown[] = [];
  const administration = { issueSoftwareStatement: issue } as Partial<Administration> as Administration;
  return { failures, app: createAdminApi({ administration, random: systemRandom, failed: (error) => failures.push(error) }) };
}

t.test('an operator is known by a name of the system, and by no other text', async (t) => {
  const seen: string[] = [];
  const { app } = setUp(async ({ cause }) => {
    seen.push(`${cause.kind} ${cause.id}`);
    return { id: 'a', secret: 'b' };
  });
  for (const name of ['ann', 'DOMAIN\\ann', 'a b', '']) {
    const headers: Record<string, string> = name === '' ? {} : { 'berth-operator': name };
    t.equal((await app.request('/software-statements', { method: 'POST', headers })).status, 200);
  }
  t.same(seen, ['operator ann', 'operator DOMAIN\\ann', 'operator unnamed', 'operator unnamed']);
});

t.test('bodies that are not as described, and a log that is busy, are told apart from faults', async (t) => {
  const { app, failures } = setUp(() => Promise.reject(new LogBusyError('busy')));
  const post = (path: string, body: string) => app.request(path, { method: 'POST', body });
  for (const [path, body] of [
    ['/api-clients', '{'],
    ['/api-clients', '{"name":""}'],
    ['/api-clients', '{"name":"x","scopes":["everything"]}'],
    ['/software-statements/deactivate', '{}'],
  ] as const) {
    t.equal((await post(path, body)).status, 400, body);
  }
  t.equal((await app.request('/dns-mappings', { method: 'PUT', body: '[{}]' })).status, 400);
  t.equal((await post('/software-statements', '')).status, 503);
  t.same(failures, []);
  const broken = setUp(() => Promise.reject(new Error('broken')));
  t.equal((await broken.app.request('/software-statements', { method: 'POST' })).status, 500);
  t.match(broken.failures, [{ message: 'broken' }]);
});

t.test('clients are listed as the original does it, with how far they may go where that is not everything', async (t) => {
  const client = { id: '1', name: 'x', isActive: true };
  const scopes = ['audit:read'] as const;
  const reaches = [EVERYTHING, { scopes, owner: null }, { scopes: null, owner: 'ann' }, NOTHING];
  const administration = { list: async () => reaches.map((reach) => ({ ...client, reach })) } as Partial<Administration> as Administration;
  const app = createAdminApi({ administration, random: systemRandom, failed: (error) => t.error(error) });
  const plain = { name: 'x', id: '1', active: true };
  t.strictSame(await (await app.request('/api-clients')).json(), [plain, { ...plain, scopes }, { ...plain, owner: 'ann' }, plain]);
});

t.test('authorization servers that cannot be taken, or are not there, are told apart', async (t) => {
  const administration = {
    registerAuthServer: async () => ({ code: 'TOO_MANY', reason: 'There are 20 already.' }),
    unregisterAuthServer: async () => false,
  } as Partial<Administration> as Administration;
  const app = createAdminApi({ administration, random: systemRandom, failed: (error) => t.error(error) });
  const post = (path: string, body: object) => app.request(path, { method: 'POST', body: JSON.stringify(body) });
  const url = 'https://example.com/.well-known/jwks.json';
  const full = await post('/auth-servers', { url });
  t.match([full.status, await full.json()], [409, { error: 'too_many', message: 'There are 20 already.' }]);
  const unknown = await post('/auth-servers/unregister', { url });
  t.match([unknown.status, await unknown.json()], [404, { error: 'not_registered', message: new RegExp(url) }]);
  t.equal((await post('/auth-servers', { url: 'x' })).status, 400);
  t.equal((await post('/auth-servers/unregister', { url: 'x' })).status, 400);
});
