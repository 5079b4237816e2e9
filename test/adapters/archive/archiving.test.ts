import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { archivedLog } from '../../../adapters/archive/archived-log.ts';
import { type Archive, archive } from '../../../adapters/archive/archiving.ts';
import { openShelf } from '../../../adapters/archive/shelf.ts';
import { openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { readHistory } from '../../../adapters/history.ts';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { LOG_START, type RecordedFact } from '../../../domain/facts.ts';
import type { EventLog } from '../../../domain/ports/event-log.ts';
import { startEventStore } from '../../helpers/event-store.ts';
import { audit, publishedFor, seal } from '../../helpers/evidence.ts';
import { ADOPTED, anotherFact, appendTo, DAY, GONE, LONG_AGO, readWhole, session, writeOldLog } from '../../helpers/old-log.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';

interface Archiving {
  /** With its archives. */
  readonly whole: EventLog;
  readonly folder: string;
  /** What was said about archives that cannot be used, and about what was left alone. */
  readonly said: string[];
  run(options?: {
    readonly now?: number;
    readonly isDryRun?: boolean;
    readonly log?: EventLog;
    readonly archiveFacts?: number;
  }): Promise<readonly Archive[]>;
}

function archiving(t: Test, log: EventLog): Archiving {
  const folder = join(temporaryFolder(t), 'archive');
  const said: string[] = [];
  const tell = (sentence: string) => void said.push(sentence);
  const whole = archivedLog(log, { shelf: openShelf(folder), absent: tell });
  return {
    whole,
    folder,
    said,
    async run({ now = Date.now(), isDryRun = false, log: target = log, archiveFacts = 1000 } = {}) {
      const made: Archive[] = [];
      const archived = async (each: Archive) => void made.push(each);
      const signal = new AbortController().signal;
      const wish = { before: now - 90 * DAY, now, isDryRun, archiveFacts, signal, progress: () => undefined, archived, complain: tell };
      await archive({ log: target, whole, folder }, wish);
      return made;
    },
  };
}

const LOGS: readonly (readonly [name: string, open: (t: Test) => Promise<EventLog>])[] = [
  ['in memory', async () => openMemoryEventLog()],
  ['in SQLite', (t) => openSqliteEventLog(join(temporaryFolder(t), 'log.sqlite'))],
  [
    'in EventStoreDB',
    async (t) => {
      const { url, prefix } = await startEventStore(t);
      return openEventStoreLog(url, { streamPrefix: prefix });
    },
  ],
];

async function subscribed(log: EventLog, count: number): Promise<readonly RecordedFact[]> {
  const seen: RecordedFact[] = [];
  await new Promise<void>((resolve, reject) => {
    const subscription = log.subscribe(
      LOG_START,
      async (facts) => {
        seen.push(...facts);
        if (seen.length >= count) resolve(subscription.stop());
      },
      reject,
    );
  });
  return seen;
}

for (const [name, open] of LOGS) {
  t.test(`a log ${name} from which everything was archived that may be reads as it did`, async (t) => {
    const bare = await open(t);
    t.teardown(() => bare.close());
    const { log, over, staying } = await writeOldLog(t, bare);
    const before = await readWhole(bare, 500);
    const streams = new Map(
      await Promise.all([...over, ...staying].map(async (stream) => [stream, await bare.readStream(stream, 0, 500)] as const)),
    );
    const { run, whole, said, folder } = archiving(t, bare);
    t.same(await run({ isDryRun: true }), []);
    const [made, ...others] = await run();
    t.same(others, []);
    t.match(made, { streams: over.length, isLeftOver: false });
    for (const stream of over) t.same(await bare.readStream(stream, 0, 10), [], stream);
    for (const stream of staying) t.strictSame(await bare.readStream(stream, 0, 500), streams.get(stream), stream);
    t.strictSame(await readWhole(whole), before);
    t.strictSame(await readWhole(whole, 500), before);
    t.strictSame(await subscribed(whole, before.length), before);
    for (const [stream, facts] of streams) {
      t.strictSame(await whole.readStream(stream, 0, 500), facts, stream);
      t.strictSame(await whole.readStream(stream, 1, 2), facts.slice(1, 3), stream);
    }
    t.same(await whole.readStream(session('nobody'), 0, 5), []);
    const verified = await audit(whole);
    t.same(verified.found, []);
    t.equal(verified.facts, before.length);
    t.same(said, []);
    t.same(await run(), [], 'a second run finds nothing');
    t.equal(readdirSync(folder).length, 1);
    const lines = gunzipSync(readFileSync(join(folder, made?.file ?? '')))
      .toString()
      .trim()
      .split('\n');
    t.match(JSON.parse(lines[0] ?? ''), { berthArchive: 1, streams: over.length, facts: lines.length - 1 });

    await appendTo(log, session('s3'), [anotherFact(ADOPTED)]);
    const revived = [...(streams.get(session('s3')) ?? []), ...(await bare.readStream(session('s3'), 5, 1))];
    t.equal(revived.length, 6);
    t.strictSame(await whole.readStream(session('s3'), 0, 500), revived, 'one that came back goes on where it was');
    t.same((await audit(whole)).found, []);
  });
}

/** On SQLite, archived once. */
async function archivedOnce(t: Test) {
  const file = join(temporaryFolder(t), 'log.sqlite');
  const bare = await openSqliteEventLog(file);
  t.teardown(() => bare.close());
  const { log, over } = await writeOldLog(t, bare);
  const before = await readWhole(bare, 500);
  const ground = archiving(t, bare);
  const [made] = await ground.run();
  return { ...ground, bare, log, over, before, made: made?.file ?? '' };
}

t.test('a stream that came back and is over again is archived whole, and of both archives each fact is read once', async (t) => {
  const { log, bare, whole, run, folder } = await archivedOnce(t);
  await appendTo(log, session('s3'), [anotherFact(ADOPTED), anotherFact(GONE)]);
  await appendTo(log, session('end'), [anotherFact(ADOPTED)]);
  await seal(log, publishedFor(t));
  const before = await readWhole(whole);
  const [second] = await run({ now: Date.now() + 100 * DAY });
  t.ok(second);
  t.equal(readdirSync(folder).length, 2);
  t.match(await bare.removal(session('s3')), { revision: 6, note: new RegExp(second?.file ?? 'none') });
  t.equal((await whole.readStream(session('s3'), 0, 10)).length, 7);
  t.strictSame(await readWhole(whole), before);
  t.same((await audit(whole)).found, []);
});

t.test('an archive that is missing, altered or none at all is named with what is in it, and the rest is read', async (t) => {
  const { whole, bare, folder, made, said, over } = await archivedOnce(t);
  const path = join(folder, made);
  const bytes = readFileSync(path);
  const renamed = `${path}.away`;
  renameSync(path, renamed);
  t.same(await readWhole(whole), await readWhole(bare));
  t.same(await whole.readStream(session('s1'), 0, 10), []);
  t.same(said, [`The facts of ${over.length} streams of the log are in the archive ${made}, which is not in the folder ${folder}.`]);
  const lost = await audit(whole);
  t.match(lost, { found: [], removed: { streams: over.length } }, 'their notes say where they are');
  const anew = () => {
    const sentences: string[] = [];
    const log = archivedLog(bare, { shelf: openShelf(folder), absent: (sentence) => void sentences.push(sentence) });
    return { log, sentences };
  };
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const altered = anew();
  t.same(await altered.log.readStream(session('s1'), 0, 10), []);
  t.match(altered.sentences, [/^Facts of the log are in the archive .* was altered: it is not what was archived\.$/]);
  rmSync(path);
  renameSync(renamed, path);
  t.equal((await anew().log.readStream(session('s1'), 0, 10)).length, 5);
  await bare.remove(session('fresh'), { revision: 4, hash: 'h', note: 'a shelf in the cellar' });
  const strange = anew();
  await readWhole(strange.log);
  t.same(strange.sentences, ['The facts of 1 stream of the log are in the archive a shelf in the cellar, which is no archive of Berth.']);
});

t.test('facts that are archived while somebody reads the log make the reading fail, and not end early', async (t) => {
  const bare = await openSqliteEventLog(join(temporaryFolder(t), 'log.sqlite'));
  t.teardown(() => bare.close());
  await writeOldLog(t, bare);
  const { run, whole, folder } = archiving(t, bare);
  const reader = archivedLog(bare, { shelf: openShelf(folder), absent: t.fail });
  const [first] = await reader.readAll(LOG_START, 1);
  await run();
  await t.rejects(reader.readAll(first?.position ?? 0, 500), { message: /moved to an archive while the log was read/ });
  t.equal((await readWhole(whole)).length, (await audit(whole)).facts);
});

t.test('a run that was killed between the archive and the removals is finished by the next', async (t) => {
  const bare = await openSqliteEventLog(join(temporaryFolder(t), 'log.sqlite'));
  t.teardown(() => bare.close());
  const { log, over } = await writeOldLog(t, bare);
  const before = await readWhole(bare);
  const { run, whole, folder, said } = archiving(t, bare);
  let left = 7;
  const dying: EventLog = {
    ...bare,
    remove: async (...removal) => {
      left -= 1;
      if (left < 0) throw new Error('killed');
      return bare.remove(...removal);
    },
  };
  await t.rejects(run({ log: dying }), { message: 'killed' });
  t.equal(readdirSync(folder).length, 1);
  t.strictSame(await readWhole(archivedLog(bare, { shelf: openShelf(folder), absent: t.fail })), before);
  writeFileSync(join(folder, '.archive-00000000-0000-4000-8000-000000000000.tmp'), 'a draft');
  writeFileSync(join(folder, 'archive-strange.jsonl.gz'), 'strange');
  // Something happens to one of them before the next run.
  await appendTo(log, session('s19'), [anotherFact(ADOPTED)]);
  const made = await run();
  t.match(made, [{ isLeftOver: true, streams: over.length - 7 - 1 }]);
  t.match(said, [/archive-strange.jsonl.gz cannot be read and is left alone/]);
  t.equal(readdirSync(folder).length, 2);
  t.equal((await bare.readStream(session('s19'), 0, 10)).length, 6, 'it is alive again, and stays');
  t.strictSame((await readWhole(whole)).slice(0, -1), before);
  t.same((await audit(whole)).found, []);
});

t.test('many streams go to several archives, which are read side by side', async (t) => {
  const bare = await openSqliteEventLog(join(temporaryFolder(t), 'log.sqlite'));
  t.teardown(() => bare.close());
  const { over } = await writeOldLog(t, bare);
  const before = await readWhole(bare);
  const { run, whole, folder } = archiving(t, bare);
  const made = await run({ archiveFacts: 20 });
  t.ok(made.length > 3, `${made.length}`);
  t.equal(readdirSync(folder).length, made.length);
  t.equal(
    made.reduce((sum, { streams }) => sum + streams, 0),
    over.length,
  );
  t.strictSame(await readWhole(whole), before);
  const [middle] = before.slice(40);
  t.strictSame(await whole.readAll(middle?.position ?? 0, 9), before.slice(41, 50));
  t.strictSame(await whole.readAll(before[9]?.position ?? 0, 9), before.slice(10, 19), 'and further back again');
  const { items } = (await readHistory(whole, session('s1'), 10)) ?? { items: [] };
  t.equal(items.length, 5);
  await t.rejects(readHistory(bare, session('s1'), 10), {
    name: 'ArchivedAwayError',
    message: /up to revision 4 was moved to the archive archive-/,
  });
  t.equal(await readHistory(bare, session('nobody'), 10), undefined);
});

t.test('a left-over archive that does not hold what the log does is not believed', async (t) => {
  const bare = await openSqliteEventLog(join(temporaryFolder(t), 'log.sqlite'));
  t.teardown(() => bare.close());
  await writeOldLog(t, bare);
  const before = await readWhole(bare);
  const { run, folder } = archiving(t, bare);
  await t.rejects(run({ log: { ...bare, remove: () => Promise.reject(new Error('killed')) } }), { message: 'killed' });
  const path = join(folder, readdirSync(folder)[0] ?? '');
  writeFileSync(path, gzipSync(gunzipSync(readFileSync(path)).toString().replace('"attempt":1,"choice"', '"attempt":9,"choice"')));
  await t.rejects(run(), { message: /does not hold session-s0 at revision 1 as the log does\. Nothing of it was taken out of the log\.$/ });
  t.strictSame(await readWhole(bare), before);
});

t.test('a log without a checkpoint, or whose chain does not hold, is left as it is', async (t) => {
  const bare = openMemoryEventLog();
  await appendTo(bare, session('s1'), [anotherFact(ADOPTED, LONG_AGO), anotherFact(GONE, LONG_AGO)]);
  await t.rejects(archiving(t, bare).run(), { message: /^The log holds no signed checkpoint/ });
  const { bare: sqlite } = await sabotaged(t);
  const ground = archiving(t, sqlite);
  await t.rejects(ground.run(), {
    message: /^The log is not sound: session-s1 at revision 2 \(session.started, position \d+\) was altered/,
  });
  t.same(readdirSync(ground.folder), []);
  t.equal((await sqlite.readStream(session('s1'), 0, 10)).length, 5);
});

async function sabotaged(t: Test) {
  const file = join(temporaryFolder(t), 'log.sqlite');
  const first = await openSqliteEventLog(file);
  await writeOldLog(t, first);
  await first.close();
  const connection = await openConnection(file, {});
  await connection.exec(
    `UPDATE facts SET data = '{"attempt":7}' WHERE type = 'session.started' AND stream = (SELECT position FROM facts WHERE name = 'session-s1')`,
  );
  await connection.close();
  const bare = await openSqliteEventLog(file);
  t.teardown(() => bare.close());
  return { bare };
}
