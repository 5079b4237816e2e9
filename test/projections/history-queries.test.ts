import t from 'tap';
import { streamName } from '../../domain/ids.ts';
import { createHistoryQueries } from '../../projections/history-queries.ts';
import { openReadModel } from '../helpers/read-model.ts';
import { ORIGIN, wish } from '../helpers/samples.ts';

t.test('an auditor reads all that happened to an actor, page by page, refusals included', async (t) => {
  const model = await openReadModel(t);
  const history = createHistoryQueries(model.database.reader);
  const stream = streamName('session', 's1');
  const requested = { type: 'session.requested', data: wish() };
  const refused = { type: 'session.refused', data: { ...wish(), reason: 'No server.' } };
  await model.record(stream, 7, requested);
  await model.record(streamName('session', 's2'), 8, requested);
  await model.record(stream, 9, refused);

  const first = await history.ofStream(stream, 1);
  t.match(first?.items, [{ revision: 0, type: 'session.requested', time: 7, ...ORIGIN, data: requested.data }]);
  const second = await history.ofStream(stream, 1, first?.next);
  t.match(second, { items: [{ revision: 1, type: 'session.refused', time: 9, data: refused.data }], next: undefined });
  t.strictSame(await history.ofStream(stream, 1, second?.items[0]?.position), { items: [] });
  t.equal(await history.ofStream(streamName('session', 'nobody'), 1), undefined);
});
