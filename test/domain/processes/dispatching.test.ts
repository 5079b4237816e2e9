/** Dispatching: what became of a session between a fact and the order that would follow from it. */
import t from 'tap';
import { createActor } from 'xstate';
import { sessionId } from '../../../domain/ids.ts';
import { permissionsOrder } from '../../../domain/processes/dispatching.ts';
import { sessionMachine } from '../../../domain/session/machine.ts';
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

t.test('a session whose permissions nobody ever set is told of none', async (t) => {
  const { context } = createActor(sessionMachine).getSnapshot();
  t.equal(permissionsOrder(sessionId('desk'), context, 'key'), undefined);
});
