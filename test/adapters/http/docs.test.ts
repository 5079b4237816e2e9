/** The documentation for people. */
import { createHash } from 'node:crypto';
import t from 'tap';
import { createDocument } from '../../../adapters/http/openapi.ts';
import { operations } from '../../../adapters/http/operations.ts';
import { createTestApi } from '../../helpers/client-api.ts';

t.test('the page describes every operation and every model and links to them', async (t) => {
  const { send } = await createTestApi(t);
  const answer = await send('/docs');
  t.equal(answer.status, 200);
  t.match(answer.headers.get('content-type'), 'text/html');
  const page = String(answer.body['text']);
  const names = [...operations.map(({ id }) => id), ...Object.keys(createDocument().components.schemas)];
  for (const name of names) {
    t.ok(page.includes(`id="${name}"`), `${name} is described`);
    t.ok(page.includes(`href="#${name}"`), `${name} is linked`);
  }
});

t.test('the page loads and runs nothing: its policy allows only its own style', async (t) => {
  const { send } = await createTestApi(t);
  const { headers, body } = await send('/docs');
  const page = String(body['text']);
  t.notMatch(page, /<script|<link|<img|https?:\/\/(?!broker:8443)/);
  const [, style = ''] = /<style>([\s\S]*)<\/style>/.exec(page) ?? [];
  const policy = headers.get('content-security-policy') ?? '';
  t.ok(policy.includes("default-src 'none'"));
  t.ok(policy.includes(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`));
});

t.test('every link of the page leads somewhere on it', async (t) => {
  const { send } = await createTestApi(t);
  const page = String((await send('/docs')).body['text']);
  const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, target = '']) => target);
  t.ok(targets.length > 50);
  for (const target of new Set(targets)) t.ok(page.includes(`id="${target}"`), target);
});
