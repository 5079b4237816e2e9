/** Streams whose facts were taken out with a note of where they are now: no fault, but said. */
import t from 'tap';
import { chained } from '../../../adapters/evidence/chained.ts';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { NO_STREAM } from '../../../domain/facts.ts';
import type { StreamName } from '../../../domain/ids.ts';
import { type EventLog, LogFault } from '../../../domain/ports/event-log.ts';
import { audit, publishedFor } from '../../helpers/evidence.ts';
import { newFact } from '../../helpers/new-facts.ts';
import { CHAIR, DESK, LAMP, STORY, tell, told, writeLog } from '../../helpers/tampering.ts';

const START = Date.UTC(2026, 0, 1);

async function takeOut(log: EventLog, stream: StreamName, hash?: string): Promise<void> {
  const facts = await log.readStream(stream, 0, 1000);
  const last = facts.at(-1);
  t.equal(await log.remove(stream, { revision: last?.revision ?? -1, hash: hash ?? last?.hash ?? '', note: 'archive/1' }), true);
}

t.test('a stream that was taken out is counted, and the others are as whole as before', async (t) => {
  const log = await writeLog(t, 'ddcddl|ccdl|d|');
  const writing = await log.open();
  await takeOut(writing, CHAIR);
  await writing.close();
  t.match(await log.audit(await log.kept()), { faults: 0, removed: { facts: 3, streams: 1 }, unordered: 2, unsealed: 0 });
});

t.test('its chain goes on from the hash in the note', async (t) => {
  const log = await writeLog(t, 'ddcddl|ccdl|');
  const writing = await log.open();
  await takeOut(writing, CHAIR);
  await tell(writing, 'c|', log.published);
  await writing.close();
  const { found, removed } = await log.audit(await log.kept());
  t.same(found, []);
  t.match(removed, { facts: 3, streams: 1 });
  await log.tamper(`UPDATE facts SET data = '{}' WHERE revision = 3 AND name = 'chair-1'`);
  t.same((await log.audit()).found.map(told), ['altered chair-1 3']);
});

t.test('when the last sealed fact was taken out, signing goes on behind what is left, and nothing is taken for inserted', async (t) => {
  const log = chained(openMemoryEventLog());
  const published = publishedFor(t);
  await tell(log, 'ddcl|', published);
  await tell(log, 'dn', published);
  await takeOut(log, LAMP);
  t.match(await audit(log), { faults: 0, unsealed: 2, removed: { facts: 1 } });
  await tell(log, '|', published);
  t.match(await audit(log), { faults: 0, unsealed: 0, checkpoints: 2, facts: 7 });
});

t.test('when all that the only checkpoint seals was taken out, signing begins anew behind it', async (t) => {
  const log = chained(openMemoryEventLog());
  const published = publishedFor(t);
  await tell(log, 'l|d', published);
  await takeOut(log, LAMP);
  t.match(await audit(log), { faults: 0, unsealed: 1, removed: { facts: 1 } });
  await tell(log, '|', published);
  t.match(await audit(log), { faults: 0, unsealed: 0, checkpoints: 2 });
});

t.test('a note is believed no further than the checkpoints go along with it', async (t) => {
  const log = await writeLog(t, STORY);
  const writing = await log.open();
  await takeOut(writing, CHAIR, 'another');
  await writing.close();
  const { found } = await log.audit();
  t.same(found.map(told), ['rewritten chair-1 2']);
  t.match(found[0]?.message, 'chair-1 was taken out up to revision 2, but the hash in the note is not the one that checkpoint 1 sealed.');
  await log.tamper(`UPDATE removed SET revision = 1`);
  t.same((await log.audit()).found.map(told), ['cut-off chair-1 2']);
  await log.tamper(`DELETE FROM removed`);
  t.same((await log.audit()).found.map(told), ['cut-off chair-1 0']);
});

t.test('a note that is wrong is found although the stream has gone on since', async (t) => {
  const log = await writeLog(t, 'ddcddl|');
  const writing = await log.open();
  await takeOut(writing, DESK, 'another');
  await writing.close();
  const again = await log.open();
  await tell(again, 'd', log.published);
  await again.close();
  t.same((await log.audit()).found.map(told), ['rewritten desk-1 3']);
});

t.test('a connection that is lost is no fault of the log: the audit ends with it', async (t) => {
  const log = await writeLog(t, 'ddcddl|ccdl|');
  await log.tamper('DELETE FROM facts WHERE position = 4');
  const reader = await log.open();
  const lost = new LogFault('The server cannot be reached.');
  for (const stream of [DESK, LAMP]) {
    const failing: EventLog['readStream'] = async (name, ...which) => {
      if (name === stream) throw lost;
      return reader.readStream(name, ...which);
    };
    await t.rejects(audit({ ...reader, readStream: failing }), lost);
  }
  await reader.close();
});

t.test('facts that go on and on without a checkpoint show that some were taken away, or that nobody signs', async (t) => {
  const log = chained(openMemoryEventLog());
  const minutes = Array.from({ length: 10 }, (_, minute) => ({ ...newFact(), time: START + minute * 60_000 }));
  await log.append(DESK, NO_STREAM, minutes);
  const { found } = await audit(log);
  const message = 'There is no checkpoint for what happened from 2026-01-01T00:00:00.000Z on, although one is due every 60 s.';
  t.match(found, [{ fault: 'missing-checkpoint', stream: DESK, revision: 0, message }]);
});
