import t from 'tap';
import { createProgress } from '../../../adapters/cli/progress.ts';
import { pause } from '../../helpers/until.ts';

const CLEAR_LINE = '\r\x1b[K';

t.test('on a terminal it says in one line how far it is, now and then, and takes the line away at the end', async (t) => {
  const written: string[] = [];
  const progress = createProgress('Reading', 2000, { isTTY: true, write: (text) => written.push(text) });
  progress.at(500, 400);
  t.strictSame(written, [], 'not at once');
  await pause(210);
  progress.at(1000, 1500);
  progress.at(1001, 1501);
  t.equal(written.length, 1);
  t.match(written[0]?.slice(CLEAR_LINE.length), /^Reading: 50 %, 1,500 facts, [\d,]+ facts\/s, position 1000 of 2000$/);
  progress.end();
  t.equal(written.at(-1), CLEAR_LINE);
});

t.test('elsewhere it says nothing', async (t) => {
  const written: string[] = [];
  const progress = createProgress('Reading', 2000, { write: (text) => written.push(text) });
  await pause(210);
  progress.at(1000, 1500);
  progress.end();
  t.strictSame(written, []);
});
