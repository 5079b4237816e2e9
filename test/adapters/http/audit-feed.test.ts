import { join } from 'node:path';
import t from 'tap';
import { openAudit } from '../../../adapters/audit/audit.ts';
import { followAudit } from '../../../adapters/http/audit-feed.ts';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { systemClock } from '../../../adapters/system.ts';
import { SILENT } from '../../helpers/core.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';
import { pause } from '../../helpers/until.ts';

t.test('where nothing happens there is a sign of life, but none among JSON lines', async (t) => {
  const audit = await openAudit(
    { log: openMemoryEventLog(), clock: systemClock, logger: SILENT },
    join(temporaryFolder(t), 'index.sqlite'),
  );
  t.teardown(audit.close);
  const ending = new AbortController();
  const options = { after: 0, ending: ending.signal, beatMs: 20 };
  const events = followAudit(audit, {}, { ...options, format: 'events' });
  const lines = followAudit(audit, {}, { ...options, format: 'jsonl' });
  const said = lines.next();
  // The timers of a broker do not keep a process alive.
  const alive = setInterval(() => undefined, 1000);
  for (let round = 0; round < 3; round += 1) {
    const [beat] = await Promise.all([events.next(), pause(30)]);
    t.equal(beat, ': beat\n\n');
  }
  clearInterval(alive);
  ending.abort();
  t.equal(await said, '{"Closed":"The broker is ending.","Position":0}\n');
  t.equal(await lines.next(), undefined);
});
