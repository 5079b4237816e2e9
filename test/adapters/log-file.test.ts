import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { type LogFileSettings, openLogFile } from '../../adapters/log-file.ts';
import { newFolder } from '../helpers/real-agent.ts';
import { createSimulatedClock } from '../helpers/simulated-clock.ts';
import { until } from '../helpers/until.ts';

const DEFAULTS = { program: 'agent', rotation: 'daily', maxFileSize: 10_485_760, rotate: 9 } as const;

async function logIn(directory: string, changes: Partial<LogFileSettings> = {}) {
  const troubles: string[] = [];
  const clock = createSimulatedClock(Date.now());
  const file = await openLogFile({ ...DEFAULTS, directory, ...changes }, clock, (sentence) => troubles.push(sentence));
  return { file, troubles, clock };
}

t.test('lines go into agent.log in a folder that is made for it', async (t) => {
  const folder = join(await newFolder(), 'a', 'b');
  const { file, troubles } = await logIn(folder);
  t.ok(file.write('one\n'));
  t.ok(file.write('two\n'));
  await file.close();
  t.equal(await readFile(join(folder, 'agent.log'), 'utf8'), 'one\ntwo\n');
  t.equal((await stat(join(folder, 'agent.log'))).mode & 0o007, 0);
  t.same(troubles, []);
  t.notOk(file.write('three\n'), 'a closed file takes nothing');
  await file.close();
});

t.test('a file that has grown to its size is put away, and as many old ones are kept as are wanted', async (t) => {
  const folder = await newFolder();
  const { file } = await logIn(folder, { maxFileSize: 10, rotate: 2 });
  for (const name of ['a', 'b', 'c', 'd']) file.write(`${name.repeat(11)}\n`);
  file.write('e\n');
  await file.close();
  t.same((await readdir(folder)).sort(), ['agent.log', 'agent.log.1', 'agent.log.2']);
  t.equal(await readFile(join(folder, 'agent.log'), 'utf8'), 'e\n');
  t.equal(await readFile(join(folder, 'agent.log.1'), 'utf8'), 'ddddddddddd\n');
  t.equal(await readFile(join(folder, 'agent.log.2'), 'utf8'), 'ccccccccccc\n');
});

t.test('where no old file is wanted none stays', async (t) => {
  const folder = await newFolder();
  const { file } = await logIn(folder, { maxFileSize: 10, rotate: 0 });
  file.write(`${'a'.repeat(11)}\n`);
  file.write('e\n');
  await file.close();
  let names: readonly string[] = [];
  await until('the old file is gone', () => {
    void readdir(folder).then((found) => {
      names = found;
    });
    return names.length === 1;
  });
  t.equal(await readFile(join(folder, 'agent.log'), 'utf8'), 'e\n');
});

t.test('a file of yesterday, or of the last hour, is put away at the start', async (t) => {
  for (const [rotation, hours, files] of [
    ['daily', 25, 2],
    ['hourly', 2, 2],
    ['daily', 0, 1],
    ['hourly', 0, 1],
  ] as const) {
    const folder = await newFolder();
    const path = join(folder, 'agent.log');
    await writeFile(path, 'old\n');
    const then = new Date(Date.now() - hours * 3_600_000);
    await utimes(path, then, then);
    const { file } = await logIn(folder, { rotation });
    file.write('new\n');
    await file.close();
    t.equal((await readdir(folder)).length, files, `${rotation}, ${hours} hours ago`);
    if (files === 2) t.equal(await readFile(join(folder, 'agent.log.1'), 'utf8'), 'old\n');
  }
});

t.test('a folder that cannot be written is said, the lines are left to whoever wrote them, and it is tried again', async (t) => {
  const parent = await newFolder();
  const folder = join(parent, 'log');
  await writeFile(folder, 'a file stands in the way');
  const { file, troubles, clock } = await logIn(folder);
  t.match(troubles, [/^The log file .*log\/agent\.log cannot be written: E\w+.* Its lines go to stderr instead\.$/]);
  t.notOk(file.write('lost\n'));
  await clock.advance(60_000);
  await until('it is said again', () => troubles.length === 2);
  await writeFile(join(parent, 'moved'), '');
  await rm(folder);
  await mkdir(folder);
  await clock.advance(60_000);
  await until('it is written again', () => file.write('kept\n'));
  await file.close();
  t.match(await readFile(join(folder, 'agent.log'), 'utf8'), /^(kept\n)+$/);
  const closed = await logIn(join(parent, 'moved', 'x'));
  await closed.file.close();
  await closed.clock.advance(60_000);
  t.equal(closed.troubles.length, 1, 'what is closed is not opened again');
});

t.test('a file of yesterday does not stay where no old file is wanted', async (t) => {
  const folder = await newFolder();
  await writeFile(join(folder, 'agent.log'), 'old\n');
  await utimes(join(folder, 'agent.log'), 1, 1);
  const { file } = await logIn(folder, { rotate: 0 });
  await file.close();
  t.same(await readdir(folder), ['agent.log']);
  t.equal((await stat(join(folder, 'agent.log'))).size, 0);
});

t.test('a file that cannot be put away is noticed, at the start and later', async (t) => {
  const folder = await newFolder();
  const { file, troubles } = await logIn(folder, { maxFileSize: 1, rotate: 1 });
  await mkdir(join(folder, 'agent.log.1', 'in the way'), { recursive: true });
  file.write('x\n');
  await until('it is noticed', () => troubles.length > 0);
  t.match(troubles, [/cannot be written: E\w+: .*rename/]);
  t.notOk(file.write('y\n'));
  await file.close();
  await utimes(join(folder, 'agent.log'), 1, 1);
  t.match((await logIn(folder, { rotate: 1 })).troubles, [/cannot be written: E\w+: .*rename/]);
});

t.test('a line that a kill cut short stays by itself', async (t) => {
  const folder = await newFolder();
  const path = join(folder, 'broker.log');
  for (const [before, after] of [
    ['{"cut', '{"cut\nnew\n'],
    ['whole\n', 'whole\nnew\n'],
    ['', 'new\n'],
  ] as const) {
    await writeFile(path, before);
    const { file } = await logIn(folder, { program: 'broker' });
    file.write('new\n');
    await file.close();
    t.equal(await readFile(path, 'utf8'), after);
  }
});
