/** Describe calls about the past: what the extension AsOf takes, and what it does not. */
import t from 'tap';
import { stringify } from 'yaml';
import { createDocument } from '../../../adapters/http/openapi.ts';
import { AsOfError } from '../../../adapters/replay/as-of.ts';
import { PastBusyError } from '../../../adapters/replay/past.ts';
import { addServers, createTestApi } from '../../helpers/client-api.ts';

const wishes = [1, 2, 3].map((number) => ({ Name: `desk ${number}`, Owner: 'ann', Type: 'VIRTUAL' }));

t.test('a moment is a time with its zone, a date, or a position', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 1);
  await api.call('POST', '/createSessions', [wishes[0]]);
  const asked = async (AsOf: unknown) => {
    const { body } = await api.call('POST', '/describeSessions', { AsOf });
    return (body['Sessions'] as [{ Name: string }])[0].Name;
  };
  t.equal(await asked('2026-01-15T09:30:00Z'), '{"time":1768469400000}');
  t.equal(await asked('2026-01-15T10:30:00.5+01:00'), '{"time":1768469400500}');
  t.equal(await asked('2026-01-15'), '{"time":1768435200000}');
  t.equal(await asked('4711'), '{"position":4711}');
  t.equal(await asked(4711), '{"position":4711}');
  t.equal(await asked(null), 'desk 1', 'null is as none');
  t.match(await api.call('POST', '/describeServers', { AsOf: 4711 }), { status: 200, body: { Servers: [{ Id: 'server-1' }] } });
});

t.test('anything else is no moment', async (t) => {
  const api = await createTestApi(t);
  const error = 'AsOf: expected a time such as 2026-01-15T09:30:00Z, or a position in the log.';
  for (const AsOf of ['yesterday', '', '2026-01-15T09:30:00', '2026-13-01T00:00:00Z', -1, 1.5, '99999999999999999', true, {}, []]) {
    for (const path of ['/describeSessions', '/describeServers']) {
      const { status, body } = await api.call('POST', path, { AsOf });
      t.strictSame([status, body], [400, { error }], JSON.stringify(AsOf));
    }
  }
  t.match(await api.call('POST', '/describeSessions', { asOf: 1 }), { status: 400, body: { error: 'Unrecognized field "asOf"' } });
});

t.test('the pages of a moment belong to it', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 1);
  await api.call('POST', '/createSessions', wishes);
  const ask = (body: object) => api.call('POST', '/describeSessions', { MaxResults: 2, ...body });
  const first = await ask({ AsOf: 7 });
  const { NextToken } = first.body;
  t.match((await ask({ AsOf: 7, NextToken })).body, { Sessions: { length: 1 } });
  t.match((await ask({ AsOf: '7', NextToken })).body, { Sessions: { length: 1 } }, 'however it is written');
  for (const body of [{ NextToken }, { AsOf: 8, NextToken }]) t.match(await ask(body), { status: 400, body: { error: /other filters/ } });
});

t.test('a past that is not to be had now, or never, is said to be so', async (t) => {
  const failing = (error: Error) => createTestApi(t, { past: { asOf: () => Promise.reject(error) } });
  const ask = async (error: Error) => (await failing(error)).call('POST', '/describeServers', { AsOf: 5 });
  const busy = await ask(new PastBusyError('Later.'));
  t.match(busy, { status: 503, body: { error: 'AsOf: Later.' } });
  t.equal(busy.headers.get('retry-after'), '5');
  t.match(await ask(new AsOfError('the log ends at position 4')), { status: 400, body: { error: 'AsOf: the log ends at position 4.' } });
  t.match(await ask(new Error('broken')), { status: 500 });
});

t.test('generated clients never see it', async (t) => {
  t.notMatch(stringify(createDocument()), /AsOf/i);
});
