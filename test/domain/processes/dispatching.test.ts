/** Dispatching: what became of a session between a fact and the order that would follow from it. */
import t from 'tap';
import { sessionId } from '../../../domain/ids.ts';
import { setUpCore } from '../../helpers/core.ts';
import { ORIGIN } from '../../helpers/samples.ts';

t.test('permissions of a session that nobody has, or that is gone, are refused for their reason', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A');
  const { id } = (await broker.create()) as { id: string };
  await broker.report('A', { kind: 'session-started', sessionId: sessionId(id), attempt: 1 });
  const orders = broker.ordersOf('A').length;
  const update = (session: string, owner: string) =>
    broker.core.application.updateSessionPermissions([{ sessionId: session, owner, permissionsFile: 'bmV3' }], ORIGIN);
  t.match(await update('nobody', 'ann'), [{ rejected: { code: 'SESSION_NOT_FOUND' } }]);
  t.match(await update(id, 'eve'), [{ rejected: { code: 'OWNER_MISMATCH' } }]);
  await broker.core.application.deleteSessions([{ sessionId: id, owner: 'ann', force: true }], ORIGIN);
  t.match(await update(id, 'ann'), [{ rejected: { code: 'SESSION_GONE' } }]);
  await broker.settle();
  t.same(
    broker
      .ordersOf('A')
      .slice(orders)
      .map(({ kind }) => kind),
    ['close-session'],
  );
});
