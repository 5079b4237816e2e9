import { serverId, sessionId } from '../../../domain/ids.ts';
import { sessionKind } from '../../../domain/session/actor.ts';
import type { SessionCommand } from '../../../domain/session/commands.ts';
import type { SessionEvent } from '../../../domain/session/events.ts';
import { wish } from '../../helpers/samples.ts';
import { storiesOf, testTables } from '../given.ts';

const A = serverId('a');
const B = serverId('b');
const SPEC = wish({ permissionsFile: 'b2xk' });
const { enqueue: _enqueue, retry: _retry, ...FOUND_SPEC } = SPEC;

const requested = { type: 'session.requested', data: SPEC } as const;
const refused = { type: 'session.refused', data: { ...SPEC, reason: 'nobody' } } as const;
const queued = { type: 'session.queued', data: { attempt: 1 } } as const;
const acknowledged = { type: 'session.acknowledged', data: {} } as const;
const restarted = { type: 'session.placement-restarted', data: { round: 1 } } as const;
const placed = { type: 'session.placed', data: { serverId: A, attempt: 1, choice: null } } as const;
const started = { type: 'session.started', data: { attempt: 1 } } as const;
const failed = { type: 'session.failed', data: { attempt: 1, reason: 'no user', retrying: true } } as const;
const failedForGood = { type: 'session.failed', data: { attempt: 1, reason: 'no user', retrying: false } } as const;
const deletionRequested = { type: 'session.deletion-requested', data: { force: false } } as const;
const deleted = { type: 'session.deleted', data: { reason: 'closed' } } as const;
const permissionsUpdated = { type: 'session.permissions-updated', data: { permissionsFile: 'bmV3' } } as const;
const connected = { type: 'session.connections-changed', data: { count: 2, lastDisconnectionTime: undefined } } as const;
const adopted = {
  type: 'session.adopted',
  data: { ...FOUND_SPEC, serverId: A, localId: 'one', creationTime: 5, connections: 0, attempt: 1 },
} as const;
const byHand = { ...adopted, data: { ...adopted.data, attempt: 0 } } as const;

const found = (attempt: number) =>
  ({ sessionId: sessionId('one'), localId: 'one', attempt, spec: FOUND_SPEC, creationTime: 5, connections: 0 }) as const;

const commands = {
  request: { type: 'request', spec: SPEC },
  refuse: { type: 'refuse', spec: SPEC, reason: 'nobody' },
  place: { type: 'place', serverId: A, attempt: 1 },
  queue: { type: 'queue' },
  acknowledge: { type: 'acknowledge' },
  'restart placement': { type: 'restart-placement', round: 0 },
  'report started': { type: 'report-started', serverId: A, attempt: 1 },
  'report failed': { type: 'report-failed', serverId: A, attempt: 1, reason: 'no user', maxAttempts: 3 },
  'report ended': { type: 'report-ended', serverId: A, reason: 'closed' },
  'report found': { type: 'report-found', serverId: A, found: found(1) },
  'report connections': { type: 'report-connections', serverId: A, count: 2 },
  delete: { type: 'delete', owner: 'ann', force: false },
  'delete by force': { type: 'delete', owner: 'ann', force: true },
  'delete as another': { type: 'delete', owner: 'eve', force: true },
  'update permissions': { type: 'update-permissions', owner: 'ann', permissionsFile: 'bmV3' },
  'expire creation': { type: 'expire-creation', attempt: 1, reason: 'late', maxAttempts: 3 },
  'expire deletion': { type: 'expire-deletion', reason: 'late' },
  admit: { type: 'admit', creationTime: 5 },
  drop: { type: 'drop', serverId: A, reason: 'away', maxAttempts: 3 },
} as const satisfies Record<string, SessionCommand>;

const ready = [requested, placed, started] as const;
const deleting = [...ready, deletionRequested] as const;

testTables<typeof sessionKind.machine, SessionCommand, SessionEvent>(
  sessionKind,
  {
    states: {
      unknown: [],
      placing: [requested],
      placed: [requested, placed],
      ready,
      deleting,
      deleted: [...deleting, deleted],
      refused: [refused],
    },
    events: {
      'session.requested': requested,
      'session.refused': refused,
      'session.queued': queued,
      'session.acknowledged': acknowledged,
      'session.placement-restarted': restarted,
      'session.placed': placed,
      'session.started': started,
      'session.failed': failedForGood,
      'session.deletion-requested': deletionRequested,
      'session.deleted': deleted,
      'session.permissions-updated': permissionsUpdated,
      'session.connections-changed': connected,
      'session.adopted': adopted,
    },
    commands,
  },
  {
    follows: `
      fact                        | unknown | placing  | placed   | ready    | deleting | deleted | refused
      session.requested           | placing |          |          |          |          |         |
      session.refused             | refused | refused  |          |          |          |         |
      session.queued              |         | placing  |          |          |          |         |
      session.acknowledged        |         | placing  |          |          |          |         |
      session.placement-restarted |         | placing  |          |          |          |         |
      session.placed              |         | placed   |          |          |          |         |
      session.started             |         |          | ready    |          |          |         |
      session.failed              |         | deleted  | deleted  |          |          |         |
      session.deletion-requested  |         | deleting | deleting | deleting | deleting |         |
      session.deleted             |         |          |          | deleted  | deleted  |         |
      session.permissions-updated |         | placing  | placed   | ready    |          |         |
      session.connections-changed |         |          |          | ready    | deleting |         |
      session.adopted             | ready   |          |          |          |          | ready   |
    `,
    decides: `
      command            | unknown           | placing                    | placed                     | ready                      | deleting                   | deleted        | refused
      request            | requested         |                            |                            |                            |                            |                |
      refuse             | refused           | refused                    |                            |                            |                            |                |
      place              | NOT_WAITING       | placed                     |                            |                            |                            | NOT_WAITING    | NOT_WAITING
      queue              |                   | queued                     |                            |                            |                            |                |
      acknowledge        |                   | acknowledged               |                            |                            |                            |                |
      restart placement  |                   | placement-restarted        |                            |                            |                            |                |
      report started     | SESSION_ELSEWHERE | SESSION_ELSEWHERE          | started                    |                            |                            |                | SESSION_ELSEWHERE
      report failed      | SESSION_ELSEWHERE | SESSION_ELSEWHERE          | failed                     |                            | deleted                    |                | SESSION_ELSEWHERE
      report ended       | SESSION_ELSEWHERE | SESSION_ELSEWHERE          |                            | deleted                    | deleted                    |                | SESSION_ELSEWHERE
      report found       | adopted           | SESSION_ELSEWHERE          | started                    |                            |                            | SESSION_UNWANTED | SESSION_ELSEWHERE
      report connections | SESSION_ELSEWHERE | SESSION_ELSEWHERE          |                            | connections-changed        | connections-changed        |                | SESSION_ELSEWHERE
      admit              | SESSION_CLOSED    | SESSION_CLOSED             | SESSION_CLOSED             |                            | SESSION_CLOSED             | SESSION_CLOSED | SESSION_CLOSED
      delete             | SESSION_NOT_FOUND | deletion-requested deleted | deletion-requested         | deletion-requested         |                            |                | SESSION_NOT_FOUND
      delete by force    | SESSION_NOT_FOUND | deletion-requested deleted | deletion-requested deleted | deletion-requested deleted | deletion-requested deleted |                | SESSION_NOT_FOUND
      delete as another  | SESSION_NOT_FOUND | OWNER_MISMATCH             | OWNER_MISMATCH             | OWNER_MISMATCH             | OWNER_MISMATCH             | OWNER_MISMATCH | SESSION_NOT_FOUND
      update permissions | SESSION_NOT_FOUND | permissions-updated        | permissions-updated        | permissions-updated        | SESSION_GONE               | SESSION_GONE   | SESSION_NOT_FOUND
      expire creation    |                   |                            | failed                     |                            |                            |                |
      expire deletion    |                   |                            |                            |                            | deleted                    |                |
      drop               | SESSION_ELSEWHERE | SESSION_ELSEWHERE          | failed                     | deleted                    | deleted                    |                | SESSION_ELSEWHERE
    `,
  },
);

const story = storiesOf<typeof sessionKind.machine, SessionCommand, SessionEvent>(sessionKind);

story('a failure on the host is tried again elsewhere, up to a number of attempts', (given) => {
  const again = { type: 'session.placed', data: { serverId: B, attempt: 2, choice: null } } as const;
  given(requested, placed).when(commands['report failed']).decides(failed);
  given(requested, placed, failed).when({ type: 'place', serverId: B, attempt: 2 }).decides(again);
  given(requested, placed, failed, again)
    .when({ type: 'report-failed', serverId: B, attempt: 2, reason: 'no user', maxAttempts: 2 })
    .decides({ type: 'session.failed', data: { attempt: 2, reason: 'no user', retrying: false } });
});

story('a failure is not tried again for who does not want that', (given) => {
  given({ type: 'session.requested', data: wish({ retry: false }) }, placed)
    .when(commands['report failed'])
    .decides(failedForGood);
});

story('a report about an earlier attempt, or from another server, is turned down', (given) => {
  const again = { type: 'session.placed', data: { serverId: B, attempt: 2, choice: null } } as const;
  for (const command of [commands['report started'], commands['report failed'], commands['report found'], commands['report ended']]) {
    given(requested, placed, failed, again).when(command).isRejected('SESSION_ELSEWHERE');
  }
  given(...ready)
    .when({ ...commands['report connections'], serverId: B })
    .isRejected('SESSION_ELSEWHERE');
  given(...ready)
    .when({ type: 'report-found', serverId: A, found: found(2) })
    .isRejected('SESSION_ELSEWHERE');
});

story('why a server was chosen is recorded with the choice', (given) => {
  const choice = { policy: 'pack', candidates: [B, A], considered: 3, turnedDown: { SERVER_FULL: 1 }, failed: [] };
  given(requested)
    .when({ type: 'place', serverId: A, attempt: 1, choice })
    .decides({ type: 'session.placed', data: { serverId: A, attempt: 1, choice } });
});

story('whoever was given permission to enter a session by hand does not enter the next one of its name', (given) => {
  given(byHand).when(commands.admit).decides();
  given(byHand).when({ type: 'admit', creationTime: 4 }).isRejected('SESSION_REPLACED');
  given(...ready)
    .when({ type: 'admit', creationTime: 4 })
    .decides();
});

story('a session is placed once', (given) => {
  given(requested, placed).when({ type: 'place', serverId: B, attempt: 1 }).isRejected('NOT_WAITING');
  given(requested, placed).when({ type: 'place', serverId: A, attempt: 2 }).isRejected('NOT_WAITING');
  given(requested).when({ type: 'place', serverId: A, attempt: 2 }).isRejected('NOT_WAITING');
});

story('a session that waits for another attempt is gone at once when it is deleted', (given) => {
  given(requested, placed, failed)
    .when(commands.delete)
    .decides(deletionRequested, { type: 'session.deleted', data: { reason: 'Deleted before it was placed.' } });
});

story('a session fails visibly, with the reason, once somebody was told that it would be made', (given) => {
  const failedUnplaced = { type: 'session.failed', data: { attempt: 0, reason: 'nobody', retrying: false } } as const;
  given(requested).when(commands.refuse).decides(refused);
  for (const told of [queued, acknowledged]) given(requested, told).when(commands.refuse).decides(failedUnplaced);
  given(requested, placed, failed)
    .when(commands.refuse)
    .decides({ type: 'session.failed', data: { attempt: 1, reason: 'nobody', retrying: false } });
});

story('waiting is recorded once for each attempt, and being told once', (given) => {
  given(requested, queued).when(commands.queue).decides();
  given(requested, queued).when(commands.acknowledge).decides();
  given(requested, queued, placed, failed)
    .when(commands.queue)
    .decides({ type: 'session.queued', data: { attempt: 2 } });
});

story('whoever began to place a session before its placement was restarted comes too late', (given) => {
  given(requested, restarted).when(commands.place).isRejected('NOT_WAITING');
  given(requested, restarted)
    .when({ ...commands.place, round: 1 })
    .decides(placed);
  given(requested, restarted)
    .when({ ...commands['restart placement'], round: 1 })
    .decides({ type: 'session.placement-restarted', data: { round: 2 } });
});

story('a session deleted by force is adopted again when it turns out to be alive', (given) => {
  const forced = { type: 'session.deletion-requested', data: { force: true } } as const;
  given(...ready, forced, deleted)
    .when(commands['report found'])
    .decides(adopted);
  given(adopted).when(commands.delete).decides(deletionRequested);
  given(adopted)
    .when({ type: 'report-found', serverId: A, found: found(0) })
    .decides();
});

story('a session that vanished from its host and comes back is adopted; one that failed for good or was deleted is closed', (given) => {
  given(...ready, deleted)
    .when(commands['report found'])
    .decides(adopted);
  given(requested, placed, failedForGood).when(commands['report found']).isRejected('SESSION_UNWANTED');
  given(...deleting, deleted)
    .when(commands['report found'])
    .isRejected('SESSION_UNWANTED');
});

story('an attempt that was given up is not wanted when it starts after all', (given) => {
  given(requested, placed, failed).when(commands['report started']).isRejected('SESSION_ELSEWHERE');
});

story('a name that is given again on its host is another session; the same one is not adopted against its owner', (given) => {
  const gone = [byHand, deletionRequested, deleted] as const;
  given(...gone)
    .when({ type: 'report-found', serverId: A, found: found(0) })
    .isRejected('SESSION_UNWANTED');
  given(...gone)
    .when({ type: 'report-found', serverId: A, found: { ...found(0), creationTime: 9, lastDisconnectionTime: 8 } })
    .decides(
      { type: 'session.adopted', data: { ...byHand.data, creationTime: 9 } },
      { type: 'session.connections-changed', data: { count: 0, lastDisconnectionTime: 8 } },
    );
});

story('of two sessions made by hand with one name each has its own end', (given) => {
  const other = { ...found(0), creationTime: 9 };
  const adoptedInstead = { type: 'session.adopted', data: { ...byHand.data, creationTime: 9 } } as const;
  for (const before of [[byHand], [byHand, deletionRequested]]) {
    given(...before)
      .when({ type: 'report-found', serverId: A, found: other })
      .decides({ type: 'session.deleted', data: { reason: 'Another session of its name was made on its host.' } }, adoptedInstead);
  }
  given(adoptedInstead).when({ type: 'report-ended', serverId: A, reason: 'closed', creationTime: 5 }).isRejected('SESSION_ELSEWHERE');
  given(adoptedInstead).when({ type: 'report-ended', serverId: A, reason: 'closed', creationTime: 9 }).decides(deleted);
});

story('a deadline that belongs to an earlier attempt changes nothing', (given) => {
  const again = { type: 'session.placed', data: { serverId: B, attempt: 2, choice: null } } as const;
  given(requested, placed, failed, again).when(commands['expire creation']).decides();
  given(requested, placed, failed, again).when(commands.drop).isRejected('SESSION_ELSEWHERE');
  given(requested, placed)
    .when(commands['expire creation'])
    .decides({ type: 'session.failed', data: { attempt: 1, reason: 'late', retrying: true } });
});

story('permissions that are the same already change nothing', (given) => {
  given(...ready)
    .when({ ...commands['update permissions'], permissionsFile: 'b2xk' })
    .decides();
  given(...ready, permissionsUpdated)
    .when(commands['update permissions'])
    .decides();
  given(...ready)
    .when({ ...commands['update permissions'], owner: 'eve' })
    .isRejected('OWNER_MISMATCH');
});

story('connections are news when their number or the last disconnection has changed', (given) => {
  const left = { type: 'report-connections', serverId: A, count: 0, lastDisconnectionTime: 9 } as const;
  given(...ready)
    .when({ ...commands['report connections'], count: 0 })
    .decides();
  given(...ready)
    .when(left)
    .decides({ type: 'session.connections-changed', data: { count: 0, lastDisconnectionTime: 9 } });
  given(...ready, connected)
    .when(commands['report connections'])
    .decides();
});
