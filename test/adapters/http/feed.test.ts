import t from 'tap';
import { createFeed } from '../../../adapters/http/feed.ts';
import { pause, until } from '../../helpers/until.ts';

t.test('nothing is asked for before somebody takes it', async (t) => {
  let asked = 0;
  const ended: string[] = [];
  const next = async () => {
    asked += 1;
    return asked > 3 ? undefined : `${asked}\n`;
  };
  const reader = createFeed({ next, over: () => void ended.push('over') }).getReader();
  await pause(20);
  t.equal(asked, 0);
  await reader.read();
  await pause(20);
  t.equal(asked, 1);
  const rest = [await reader.read(), await reader.read(), await reader.read()];
  t.same(
    rest.map(({ done }) => done),
    [false, false, true],
  );
  await reader.cancel();
  t.same(ended, ['over']);
});

t.test('who takes nothing for too long is told so and dropped', async (t) => {
  const ended: string[] = [];
  const patience = { ms: 50, farewell: (reason: string) => `${reason}\n` };
  const feed = createFeed({ next: async () => 'news\n', over: () => void ended.push('over'), patience });
  const reader = feed.getReader();
  await reader.read();
  await until('the end', () => ended.length === 1);
  const last = await reader.read();
  t.equal(new TextDecoder().decode(last.value), 'Nothing was taken for 0.05 s.\n');
  t.equal((await reader.read()).done, true);
  t.same(ended, ['over']);
});

t.test('who takes it slowly enough is not', async (t) => {
  const patience = { ms: 200, farewell: () => 'too slow\n' };
  const reader = createFeed({ next: async () => 'news\n', over: () => undefined, patience }).getReader();
  for (let round = 0; round < 5; round += 1) {
    t.equal(new TextDecoder().decode((await reader.read()).value), 'news\n');
    await pause(50);
  }
  await reader.cancel();
});

t.test('a fault cuts it short, so that nobody takes the half for the whole', async (t) => {
  const ended: string[] = [];
  const feed = createFeed({ next: () => Promise.reject(new Error('gone')), over: () => void ended.push('over') });
  await t.rejects(feed.getReader().read(), { message: 'gone' });
  t.same(ended, ['over']);
});

t.test('what comes after nobody listens any more goes nowhere', async (t) => {
  const releases: ((text: string) => void)[] = [];
  const next = () => new Promise<string>((resolve) => void releases.push(resolve));
  const ended: string[] = [];
  const reader = createFeed({ next, over: () => void ended.push('over') }).getReader();
  const reading = reader.read();
  await pause(5);
  await reader.cancel();
  for (const release of releases) release('late');
  t.same(await reading, { done: true, value: undefined });
  t.same(ended, ['over']);
});
