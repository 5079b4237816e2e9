import { PassThrough, Writable } from 'node:stream';
import t from 'tap';
import { createRecords, OutputClosed } from '../../../adapters/cli/records.ts';

function terminal(isTTY: boolean) {
  return Object.assign(new PassThrough(), { isTTY });
}

const text = (output: PassThrough): string => String(output.read() ?? '');

t.test('people on a terminal get lines, programs get JSON lines', async (t) => {
  const [people, programs] = [terminal(true), terminal(false)];
  for (const output of [people, programs]) {
    const records = createRecords({}, output);
    await records.say('A heading');
    await records.write({ name: 'one' }, () => 'It is one.');
  }
  t.equal(text(people), 'A heading\nIt is one.\n');
  t.equal(text(programs), '{"name":"one"}\n');
});

t.test('a flag decides otherwise', async (t) => {
  const [people, programs] = [terminal(true), terminal(false)];
  await createRecords({ json: true }, people).write({ name: 'one' }, () => 'It is one.');
  await createRecords({ json: false }, programs).write({ name: 'one' }, () => 'It is one.');
  t.equal(text(people), '{"name":"one"}\n');
  t.equal(text(programs), 'It is one.\n');
});

t.test('a slow reader is waited for', async (t) => {
  const waiting: (() => void)[] = [];
  const output = new Writable({ write: (_chunk, _encoding, done) => void waiting.push(done) });
  let written = false;
  const writing = createRecords({}, output)
    .write({}, () => '')
    .then(() => {
      written = true;
    });
  await new Promise(setImmediate);
  t.equal(written, false);
  for (const done of waiting) done();
  await writing;
});

t.test('who stops reading is told apart from a disk that is full', async (t) => {
  const failing = (code: string) => new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) });
  await t.rejects(
    createRecords({}, failing('EPIPE')).write({}, () => ''),
    OutputClosed,
  );
  await t.rejects(
    createRecords({}, failing('ENOSPC')).write({}, () => ''),
    { message: 'ENOSPC' },
  );
});
