import t from 'tap';
import { type Entry, openJournal } from '../../agent/journal.ts';
import { createMemoryLog } from '../../agent/storage.ts';
import { sessionId } from '../../domain/ids.ts';
import { recordingLogger } from '../helpers/real-agent.ts';

const entry = (id: string, phase: Entry['phase'], attempt = 1): Entry => ({
  sessionId: sessionId(id),
  attempt,
  phase,
  spec: { name: 'desk', owner: 'ann', sessionType: 'VIRTUAL' },
  creationTime: 1,
});

t.test('the newest of what was written about a session counts, across a restart', async (t) => {
  const storage = createMemoryLog();
  const journal = await openJournal(storage, recordingLogger());
  await journal.write(entry('a', 'begun'));
  await journal.write(entry('b', 'begun'));
  await journal.write(entry('a', 'started'));
  for (const each of [journal, await openJournal(storage, recordingLogger())]) {
    t.equal(each.find(sessionId('a'))?.phase, 'started');
    t.same(each.inPhase('begun'), [entry('b', 'begun')]);
    t.equal(each.find(sessionId('c')), undefined);
  }
});

t.test('records of another version are passed over', async (t) => {
  const storage = createMemoryLog();
  await storage.append([{ sessionId: 'a' }, entry('b', 'started')]);
  const log = recordingLogger();
  const journal = await openJournal(storage, log);
  t.equal(journal.inPhase('started').length, 1);
  t.equal(log.lines.length, 1);
});

t.test('finished sessions are forgotten in the end, living ones never', async (t) => {
  const storage = createMemoryLog();
  const journal = await openJournal(storage, recordingLogger());
  await journal.write(entry('alive', 'started'));
  for (let index = 0; index < 4000; index += 1) await journal.write(entry(`s${index}`, 'ended'));
  t.ok((await storage.load()).length < 4000);
  t.ok(journal.inPhase('ended').length < 4000);
  t.equal(journal.find(sessionId('alive'))?.phase, 'started');
  t.equal(journal.find(sessionId('s3999'))?.phase, 'ended');
  t.equal(journal.find(sessionId('s0')), undefined);
  const after = await openJournal(storage, recordingLogger());
  t.equal(after.find(sessionId('alive'))?.phase, 'started');
});
