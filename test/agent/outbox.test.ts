import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createFileLog } from '../../agent/file-storage.ts';
import { type News, type Outbox, openOutbox } from '../../agent/outbox.ts';
import { createMemoryLog, type RecordLog } from '../../agent/storage.ts';
import { sessionId } from '../../domain/ids.ts';
import { newFolder, recordingLogger } from '../helpers/real-agent.ts';
import { createSeededRandom, createSimulatedClock } from '../helpers/simulated-clock.ts';

let runs = 0;

const open = async (storage: RecordLog, limit = 100): Promise<{ outbox: Outbox; log: ReturnType<typeof recordingLogger> }> => {
  const log = recordingLogger();
  runs += 1;
  return { log, outbox: await openOutbox(storage, { limit }, { clock: createSimulatedClock(), random: createSeededRandom(runs), log }) };
};

const ended = (id: string): News => ({ kind: 'session-ended', sessionId: sessionId(id), reason: 'gone' });
const connections = (id: string, count: number): News => ({ kind: 'connections-changed', sessionId: sessionId(id), count });
const names = (outbox: Outbox): string[] =>
  outbox.oldest(1000, 1e9).map((report) => ('sessionId' in report ? report.sessionId : report.kind));

t.test('facts wait in order until they are acknowledged, across a kill', async (t) => {
  const path = join(await newFolder(), 'outbox.jsonl');
  const { outbox } = await open(createFileLog(path, recordingLogger()));
  await Promise.all(['a', 'b', 'c'].map((id) => outbox.put(ended(id))));
  const [first, second] = outbox.oldest(2, 1e9);
  await outbox.acknowledge([String(second?.reportId), 'unknown']);
  await outbox.acknowledge(['unknown']);
  t.same(names(outbox), ['a', 'c']);

  // Killed: nothing was closed.
  const { outbox: after } = await open(createFileLog(path, recordingLogger()));
  t.same(names(after), ['a', 'c']);
  t.same(after.oldest(1, 1e9), [first]);
  t.same([...after.sessions()], ['a', 'c']);
});

t.test('a line that was torn by a crash costs that line and no other', async (t) => {
  const path = join(await newFolder(), 'outbox.jsonl');
  const { outbox } = await open(createFileLog(path, recordingLogger()));
  for (const id of ['a', 'b']) await outbox.put(ended(id));
  await truncate(path, (await readFile(path)).length - 7);

  const log = recordingLogger();
  const { outbox: after } = await open(createFileLog(path, log));
  t.same(names(after), ['a']);
  t.match(log.lines, [{ level: 'warn', fields: { torn: 1 } }]);
  await after.put(ended('c'));
  const { outbox: later } = await open(createFileLog(path, recordingLogger()));
  t.same(names(later), ['a', 'c'], 'what was written behind the torn line is read');
});

t.test('records of another version are passed over', async (t) => {
  const path = join(await newFolder(), 'outbox.jsonl');
  await writeFile(path, '\n{"put":{"kind":"dance"}}\n"text"\nnull\n{"acknowledged":["x"]}');
  const { outbox, log } = await open(createFileLog(path, recordingLogger()));
  t.equal(outbox.size(), 0);
  t.equal(log.lines.filter(({ level }) => level === 'warn').length, 3);
});

t.test('a batch is bounded in number and in bytes, and is never empty while something waits', async (t) => {
  const { outbox } = await open(createMemoryLog());
  t.same(outbox.oldest(10, 10), []);
  for (const id of ['a', 'b', 'c']) await outbox.put(ended(id));
  t.equal(outbox.oldest(2, 1e9).length, 2);
  t.equal(outbox.oldest(10, 1).length, 1);
  t.equal(outbox.oldest(10, 300).length, 2);
});

t.test('a full outbox keeps every fact, and of the ways things stand only the newest', async (t) => {
  const path = join(await newFolder(), 'outbox.jsonl');
  const { outbox } = await open(createFileLog(path, recordingLogger()), 3);
  await outbox.put(connections('a', 1));
  await outbox.put(connections('b', 1));
  t.ok(outbox.hasRoom(1));
  await outbox.put({ kind: 'health-changed', healthy: false });
  t.notOk(outbox.hasRoom(1));
  await outbox.put(connections('a', 2));
  await outbox.put(connections('c', 1));
  await outbox.put(ended('a'));
  await outbox.put({ kind: 'health-changed', healthy: true });
  const expected = ['b', 'a', 'c', 'a', 'health-changed'];
  t.same(names(outbox), expected);
  t.match(outbox.oldest(2, 1e9)[1], { count: 2 });
  const { outbox: after } = await open(createFileLog(path, recordingLogger()), 3);
  t.same(names(after), ['a'], 'what the next greeting tells is not kept for another agent');
});

t.test('the watcher hears of every fact', async (t) => {
  const { outbox } = await open(createMemoryLog());
  let heard = 0;
  await outbox.put(ended('a'));
  outbox.watch(() => {
    heard += 1;
  });
  await outbox.put(ended('b'));
  await outbox.putAgain(ended('b'));
  await outbox.putAgain({ kind: 'session-started', sessionId: sessionId('b'), attempt: 1 });
  t.equal(heard, 2);
  t.equal(outbox.size(), 3);
});

t.test('the ends of two sessions of one name are two facts', async (t) => {
  const { outbox } = await open(createMemoryLog());
  for (const creationTime of [1, 2, 1]) {
    await outbox.putAgain({ kind: 'session-ended', sessionId: sessionId('console'), reason: 'gone', creationTime });
  }
  t.match(outbox.oldest(9, 1e9), [{ creationTime: 1 }, { creationTime: 2 }]);
  t.equal(outbox.size(), 2);
});

t.test('the file does not grow without end', async (t) => {
  const path = join(await newFolder(), 'outbox.jsonl');
  const { outbox } = await open(createFileLog(path, recordingLogger()));
  await outbox.put(ended('stays'));
  for (let round = 0; round < 3; round += 1) {
    await Promise.all(Array.from({ length: 400 }, (_, index) => outbox.put(ended(`s${index}`))));
    await outbox.acknowledge(
      outbox
        .oldest(1000, 1e9)
        .slice(1)
        .map(({ reportId }) => reportId),
    );
  }
  await outbox.put(ended('last'));
  t.ok((await readFile(path, 'utf8')).split('\n').length < 1100);
  const { outbox: after } = await open(createFileLog(path, recordingLogger()));
  t.same(names(after), ['stays', 'last']);
});

t.test('a disk that cannot be written is said aloud, and the facts go out from memory', async (t) => {
  const storage = createFileLog(join(await newFolder(), 'no', 'such', 'folder', 'outbox'), recordingLogger());
  const { outbox, log } = await open(storage);
  await outbox.put(ended('a'));
  t.same(names(outbox), ['a']);
  t.match(log.lines, [{ level: 'error', fields: { error: /ENOENT/ } }]);
});

t.test('appends and replacements of a file keep their order', async (t) => {
  const path = join(await newFolder(), 'log.jsonl');
  const storage = createFileLog(path, recordingLogger());
  t.same(await storage.load(), []);
  await Promise.all([
    storage.append([{ n: 1 }]),
    storage.append([{ n: 2 }]),
    storage.replace([{ n: 2 }]),
    storage.append([{ n: 3 }]),
    storage.append([{ n: 4 }]),
  ]);
  await storage.replace([{ n: 3 }]);
  await storage.append([{ n: 5 }]);
  t.same(await storage.load(), [{ n: 3 }, { n: 5 }]);
  await storage.close();
  await storage.close();
  await appendFile(path, '\n\n');
  t.same(await createFileLog(path, recordingLogger()).load(), [{ n: 3 }, { n: 5 }]);
  await t.rejects(createFileLog(await newFolder(), recordingLogger()).load(), { code: 'EISDIR' });
});
