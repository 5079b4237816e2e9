import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../adapters/system.ts';
import { watchFolders } from '../../agent/folder-watch.ts';
import { createTagReader } from '../../agent/tags.ts';
import { startTestBroker } from '../helpers/agent-broker.ts';
import { newFolder, recordingLogger, startRealAgent } from '../helpers/real-agent.ts';
import { until } from '../helpers/until.ts';

const BUILT_IN = { osFamily: 'linux', maxVirtualSessions: 4, maxSessionsPerOwner: 1 };

async function tagsFolder(files: Record<string, string>) {
  const folder = await newFolder();
  const log = recordingLogger();
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const readTags = createTagReader([folder, '/no/such/folder'], log);
  const problems = () => log.lines.map(({ fields }) => String(Object(fields).problem).replaceAll(`${folder}/`, ''));
  return { folder, problems, read: () => readTags(BUILT_IN) };
}

const valueIn = (tags: readonly { readonly key: string; readonly value: string }[], name: string) =>
  tags.find(({ key }) => key === name)?.value;

t.test('tags come from all files in alphabetical order, and the last value wins', async (t) => {
  const { read, problems } = await tagsFolder({
    'b.toml': 'team = "design"\nram_gb = 4\n',
    'a.toml': 'team = "first"\nfast = true\n',
    'ignored.txt': 'x = "y"',
    'empty.toml': '',
  });
  t.same(await read(), [
    { key: 'dcv:max-concurrent-sessions-per-user', value: '1' },
    { key: 'dcv:max-virtual-sessions', value: '4' },
    { key: 'dcv:os-family', value: 'linux' },
    { key: 'fast', value: 'true' },
    { key: 'ram_gb', value: '4' },
    { key: 'team', value: 'design' },
  ]);
  t.same(problems(), []);
});

t.test('what cannot be a tag is passed over with its file and line, once, and the rest stays', async (t) => {
  const { folder, read, problems } = await tagsFolder({
    'a.toml': `good = "yes"\nlist = [1]\nday = 2026-01-01\n"" = "x"\nlong = "${'x'.repeat(2000)}"\n[table]\nx = 1\n`,
    'b.toml': 'good = "still"\nnot toml',
    'd.toml': `\n"dcv:os-family" = "beos"`,
  });
  await mkdir(join(folder, 'c.toml'));
  const tags = await read();
  t.equal(valueIn(tags, 'good'), 'yes');
  t.equal(valueIn(tags, 'dcv:os-family'), 'linux');
  t.equal(tags.length, 4);
  t.match(problems(), [
    'a.toml line 2: the tag "list" is neither text',
    'a.toml line 3: the tag "day" is neither text',
    'a.toml line 4: the name of a tag has 1 to 1024 characters',
    'a.toml line 5: the tag "long" has more than 1024 characters',
    'a.toml line 6: the tag "table" is neither text',
    'b.toml line 2: Invalid TOML document',
    'c.toml: EISDIR',
    'd.toml line 2: the tag "dcv:os-family" is the agent\'s own and is not set by files',
  ]);
  await read();
  t.equal(problems().length, 8, 'the same problem is not said again');
  await rm(join(folder, 'a.toml'));
  await read();
  await writeFile(join(folder, 'a.toml'), 'list = [1]');
  await read();
  t.equal(problems().length, 9, 'but when it comes back');
});

t.test('what a file gave still counts while it cannot be read', async (t) => {
  const { folder, read, problems } = await tagsFolder({ 'a.toml': 'team = "design"' });
  await read();
  await writeFile(join(folder, 'a.toml'), 'team = "des');
  t.equal(valueIn(await read(), 'team'), 'design');
  t.match(problems(), ['a.toml line 1: Invalid TOML document: ']);
  t.match(problems(), [/; what it gave before still counts$/]);
  await writeFile(join(folder, 'a.toml'), `#${'x'.repeat(2 ** 20)}`);
  t.equal(valueIn(await read(), 'team'), 'design');
  await rm(join(folder, 'a.toml'));
  t.equal(valueIn(await read(), 'team'), undefined);
});

t.test('a server has no more tags than the wire takes', async (t) => {
  const many = Array.from({ length: 450 }, (_, index) => `t${index} = "x"`).join('\n');
  const { read, problems } = await tagsFolder({ 'a.toml': many });
  t.equal((await read()).length, 403);
  t.equal(problems().length, 50);
  t.match(problems()[0], 'a.toml line 401: the tag "t400" is one more than the 400 that a server may have');
});

t.test('a tag that changes is told within seconds, long before the next update', async (t) => {
  const broker = await startTestBroker();
  const folder = await newFolder();
  const agent = await startRealAgent(broker, { folder, updateInterval: 3600 });
  await until('it is connected', () => agent.connected());
  await writeFile(join(folder, 'new.toml'), 'colour = "blue"');
  const told = await until('the change is told', () => broker.heard.reports.find(({ kind }) => kind === 'server-described'));
  t.match(told, { description: { tags: [{ key: 'colour', value: 'blue' }] } });
  await until('telemetry comes with it', () => broker.heard.telemetry.length > 0);
  await agent.stop();
  await broker.stop();
});

t.test('a folder that comes later, or goes and comes back, is watched from the next look on', async (t) => {
  const folder = join(await newFolder(), 'tags');
  let changes = 0;
  const watch = watchFolders([folder], systemClock, () => {
    changes += 1;
  });
  for (let round = 0; round < 2; round += 1) {
    await mkdir(folder);
    watch.renew();
    const before = changes;
    await writeFile(join(folder, 'a.toml'), '');
    await until('the change is seen', () => changes > before);
    await rm(folder, { recursive: true });
    await until('its end is seen', () => changes > before + 1);
  }
  watch.close();
  t.pass();
});
