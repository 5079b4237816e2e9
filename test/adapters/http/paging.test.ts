/** Pages and the tokens between them. */
import { createHmac } from 'node:crypto';
import t from 'tap';
import { addServers, createTestApi, type TestApi } from '../../helpers/client-api.ts';

async function page(api: TestApi, wish: object) {
  const { status, body } = await api.call('POST', '/describeServers', wish);
  const ids = ((body['Servers'] ?? []) as { Id: string }[]).map(({ Id }) => Id);
  return { status, ids, next: body['NextToken'] as string | undefined, error: body['error'] };
}

t.test('pages follow each other until the last, which has no token', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 5);
  const seen: string[][] = [];
  let next: string | undefined;
  do {
    const answer = await page(api, { MaxResults: 2, ...(next && { NextToken: next }) });
    seen.push(answer.ids);
    next = answer.next;
  } while (next !== undefined);
  t.strictSame(seen, [['server-1', 'server-2'], ['server-3', 'server-4'], ['server-5']]);
});

t.test('the size of the page may change on the way', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 5);
  const { next } = await page(api, { MaxResults: 1 });
  t.strictSame((await page(api, { MaxResults: 3, NextToken: next })).ids, ['server-2', 'server-3', 'server-4']);
});

t.test('a size outside 1 to 1000 is refused', async (t) => {
  const api = await createTestApi(t);
  for (const MaxResults of [0, -1, 1001, Number.MIN_SAFE_INTEGER]) {
    t.strictSame(await page(api, { MaxResults }), {
      status: 400,
      ids: [],
      next: undefined,
      error: 'MaxResults: expected an integer from 1 to 1000.',
    });
  }
  t.equal((await page(api, { MaxResults: 1000 })).status, 200);
});

t.test('a token that nobody gave out is refused', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 3);
  const { next = '' } = await page(api, { MaxResults: 1 });
  const [payload = '', mac = ''] = next.split('.');
  const forged = Buffer.from(JSON.stringify({ position: 2, query: '' })).toString('base64url');
  const signed = createHmac('sha256', 'another key').update(payload).digest('base64url');
  for (const NextToken of ['', 'x', '.', `${forged}.${mac}`, `${payload}.${signed}`, `${payload}.`, `${next}.more`, next.slice(0, -2)]) {
    const answer = await page(api, { NextToken });
    t.match(answer, { status: 400, error: 'NextToken: this is not a token of ours.' }, NextToken);
  }
});

t.test('a token is refused with another question than the one it was given for', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 3);
  const { next: NextToken } = await page(api, { MaxResults: 1 });
  const error = 'NextToken: it belongs to a request with other filters.';
  t.match(await page(api, { NextToken, ServerIds: ['server-3'] }), { status: 400, error });
  t.match(await api.call('POST', '/describeSessions', { NextToken }), { status: 400, body: { error } });
});
