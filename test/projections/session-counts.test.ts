import { CompiledQuery } from 'kysely';
import t from 'tap';
import { serverId, streamName } from '../../domain/ids.ts';
import { countSessions, STATEMENTS } from '../../projections/session-counts.ts';
import { openReadModel } from '../helpers/read-model.ts';
import { wish } from '../helpers/samples.ts';

const REQUESTED = { type: 'session.requested', data: wish() };
const placedOn = (id: string) => ({ type: 'session.placed', data: { serverId: serverId(id), attempt: 1 } });
const STARTED = { type: 'session.started', data: { attempt: 1 } };
const DELETING = { type: 'session.deletion-requested', data: { force: false } };
const DELETED = { type: 'session.deleted', data: { reason: 'Closed.' } };
const REGISTERED = { type: 'server.registered', data: { agentClientId: 'agent' } };
const UNREACHABLE = { type: 'server.became-unreachable', data: { reason: 'Silence.' } };
const REACHABLE = { type: 'server.became-reachable', data: {} };

t.test('sessions are counted in the state in which they are described', async (t) => {
  const model = await openReadModel(t);
  const count = () => countSessions(model.database.reader);
  t.same(await count(), { byState: { CREATING: 0, READY: 0, DELETING: 0, UNKNOWN: 0 }, waiting: 0, waitingSince: undefined });
  for (const id of ['here', 'gone']) {
    const server = streamName('server', id);
    await model.record(server, 1, REGISTERED, REACHABLE);
    const life = [REQUESTED, placedOn(id), STARTED, DELETING, DELETED];
    for (let facts = 2; facts <= life.length; facts += 1)
      await model.record(streamName('session', `${id}${facts}`), facts, ...life.slice(0, facts));
  }
  await model.record(streamName('session', 'first'), 10, REQUESTED);
  await model.record(streamName('session', 'second'), 20, REQUESTED);
  t.same(await count(), { byState: { CREATING: 4, READY: 2, DELETING: 2, UNKNOWN: 0 }, waiting: 2, waitingSince: 10 });
  await model.record(streamName('server', 'gone'), 30, UNREACHABLE);
  t.same(await count(), { byState: { CREATING: 3, READY: 1, DELETING: 1, UNKNOWN: 3 }, waiting: 2, waitingSince: 10 });
  await model.record(streamName('server', 'gone'), 40, REACHABLE);
  t.match(await count(), { byState: { CREATING: 4, READY: 2, DELETING: 2, UNKNOWN: 0 } });
});

t.test('counting looks at no row of a session that is neither waited for nor being made or closed', async (t) => {
  const { database } = await openReadModel(t);
  for (const statement of STATEMENTS) {
    const { rows } = await database.reader.executeQuery(CompiledQuery.raw(`EXPLAIN QUERY PLAN ${statement}`));
    const plan = (rows as readonly { readonly detail: string }[])
      .map(({ detail }) => detail)
      .filter((detail) => detail.includes('sessions'));
    t.match(plan, [/INDEX sessions_(by_state|by_server|pending)/], plan.join());
  }
});
