import { randomUUID } from 'node:crypto';
import t from 'tap';
import type { RecordedFact } from '../../domain/facts.ts';
import { factId, streamName } from '../../domain/ids.ts';
import { createAuditFilter } from '../../projections/audit-filter.ts';
import { ORIGIN, wish } from '../helpers/samples.ts';

const fact = (type: string, data: object): RecordedFact => ({
  ...ORIGIN,
  type,
  data,
  id: factId(randomUUID()),
  schemaVersion: 1,
  time: 0,
  stream: streamName('session', 's1'),
  revision: 0,
  position: 1,
});

t.test('the sessions of an owner are remembered until they are over', (t) => {
  const matches = createAuditFilter({ owner: 'ann' });
  const endings = [
    fact('session.deleted', { reason: '' }),
    fact('session.refused', wish({ owner: 'ann' })),
    fact('session.failed', { attempt: 1, reason: '', retrying: false }),
  ];
  for (const ending of endings) {
    t.ok(matches(fact('session.requested', wish({ owner: 'ann' }))));
    t.ok(matches(fact('session.failed', { attempt: 1, reason: '', retrying: true })));
    t.ok(matches(ending), 'which is still theirs');
    t.notOk(matches(fact('session.started', { attempt: 1 })));
  }
  t.end();
});
