import { ANONYMOUS_AGENT, brokerId, clientId, sessionId } from '../../../domain/ids.ts';
import { serverKind } from '../../../domain/server/actor.ts';
import type { ServerCommand } from '../../../domain/server/commands.ts';
import type { ServerEvent } from '../../../domain/server/events.ts';
import { AGENT_CLIENT, BROKER, description } from '../../helpers/samples.ts';
import { storiesOf, testTables } from '../given.ts';

const S1 = sessionId('s1');
const S2 = sessionId('s2');
const SMALL = description({ maxVirtualSessions: 1 });

const registered = { type: 'server.registered', data: { agentClientId: AGENT_CLIENT, broker: BROKER } } as const;
const described = { type: 'server.described', data: SMALL } as const;
const opened = { type: 'server.opened', data: {} } as const;
const closed = { type: 'server.closed', data: { force: false } } as const;
const reserved = {
  type: 'server.slot-reserved',
  data: { sessionId: S1, sessionType: 'VIRTUAL', owner: 'ann', attempt: 1 },
} as const;
const released = { type: 'server.slot-released', data: { sessionId: S1 } } as const;
const unreachable = { type: 'server.became-unreachable', data: { reason: 'silence' } } as const;
const reachable = { type: 'server.became-reachable', data: { broker: BROKER } } as const;
const unhealthy = { type: 'server.health-changed', data: { healthy: false, reason: 'stopped' } } as const;
const loggedIn = { type: 'server.logged-in-users-changed', data: { users: ['eve'] } } as const;
const removed = { type: 'server.removed', data: { reason: 'gone' } } as const;

const commands = {
  greet: { type: 'greet', broker: BROKER, clientId: AGENT_CLIENT, description: SMALL, healthy: true, loggedInUsers: [] },
  describe: { type: 'describe', description: description({ maxVirtualSessions: 2 }) },
  'change health': { type: 'change-health', healthy: false, reason: 'stopped' },
  'change users': { type: 'change-logged-in-users', users: ['eve'] },
  lose: { type: 'lose', broker: BROKER, reason: 'silence' },
  reserve: { type: 'reserve', sessionId: S1, sessionType: 'VIRTUAL', owner: 'ann', attempt: 1 },
  count: { type: 'count', sessionId: S1, sessionType: 'VIRTUAL', owner: 'ann' },
  release: { type: 'release', sessionId: S1 },
  open: { type: 'open' },
  close: { type: 'close', force: false },
  remove: { type: 'remove', reason: 'gone' },
} as const satisfies Record<string, ServerCommand>;

const open = [registered, described] as const;

testTables<typeof serverKind.machine, ServerCommand, ServerEvent>(
  serverKind,
  {
    states: { unknown: [], open, closed: [...open, closed], removed: [...open, removed] },
    events: {
      'server.registered': registered,
      'server.described': described,
      'server.opened': opened,
      'server.closed': closed,
      'server.slot-reserved': reserved,
      'server.slot-released': released,
      'server.became-unreachable': unreachable,
      'server.became-reachable': reachable,
      'server.health-changed': unhealthy,
      'server.logged-in-users-changed': loggedIn,
      'server.removed': removed,
    },
    commands,
  },
  {
    follows: `
      fact                            | unknown | open    | closed  | removed
      server.registered               | open    |         |         | open
      server.described                |         | open    | closed  |
      server.opened                   |         |         | open    |
      server.closed                   |         | closed  |         |
      server.slot-reserved            |         | open    | closed  |
      server.slot-released            |         |         |         |
      server.became-unreachable       |         | open    | closed  |
      server.became-reachable         |         | open    | closed  |
      server.health-changed           |         | open    | closed  |
      server.logged-in-users-changed  |         | open    | closed  |
      server.removed                  |         | removed | removed |
    `,
    decides: `
      command       | unknown              | open                    | closed                  | removed
      greet         | registered described |                         |                         | registered
      describe      | DCV_SERVER_NOT_FOUND | described               | described               | DCV_SERVER_NOT_FOUND
      change health | DCV_SERVER_NOT_FOUND | health-changed          | health-changed          | DCV_SERVER_NOT_FOUND
      change users  | DCV_SERVER_NOT_FOUND | logged-in-users-changed | logged-in-users-changed | DCV_SERVER_NOT_FOUND
      lose          | DCV_SERVER_NOT_FOUND | became-unreachable      | became-unreachable      | DCV_SERVER_NOT_FOUND
      reserve       | DCV_SERVER_NOT_FOUND | slot-reserved           | SERVER_CLOSED           | DCV_SERVER_NOT_FOUND
      count         | DCV_SERVER_NOT_FOUND | slot-reserved           | slot-reserved           | DCV_SERVER_NOT_FOUND
      release       | DCV_SERVER_NOT_FOUND |                         |                         | DCV_SERVER_NOT_FOUND
      open          | DCV_SERVER_NOT_FOUND |                         | opened                  | DCV_SERVER_NOT_FOUND
      close         | DCV_SERVER_NOT_FOUND | closed                  |                         | DCV_SERVER_NOT_FOUND
      remove        | DCV_SERVER_NOT_FOUND |                         |                         | DCV_SERVER_NOT_FOUND
    `,
  },
);

const story = storiesOf<typeof serverKind.machine, ServerCommand, ServerEvent>(serverKind);

story('a greeting says only what is new', (given) => {
  given()
    .when({ ...commands.greet, healthy: false, healthReason: 'stopped', loggedInUsers: ['eve'] })
    .decides(registered, described, unhealthy, loggedIn);
  given(...open, unreachable)
    .when(commands.greet)
    .decides(reachable);
  given(...open, unhealthy)
    .when(commands.greet)
    .decides({ type: 'server.health-changed', data: { healthy: true, reason: undefined } });
});

story('an agent that moves to another broker is not lost by the one it left', (given) => {
  const another = brokerId('44444444-4444-4444-8444-444444444444');
  const moved = { type: 'server.became-reachable', data: { broker: another } } as const;
  given(...open)
    .when({ ...commands.greet, broker: another })
    .decides(moved);
  given(...open, moved)
    .when(commands.lose)
    .decides();
  given(...open, moved)
    .when({ ...commands.lose, broker: another })
    .decides(unreachable);
});

story('facts of a time with one broker do not say which broker it was, so any may lose the server', (given) => {
  const formerly = { type: 'server.registered', data: { agentClientId: AGENT_CLIENT, broker: null } } as const;
  given(formerly, described).when(commands.lose).decides(unreachable);
  given(formerly, described, unreachable, { type: 'server.became-reachable', data: { broker: null } })
    .when(commands.lose)
    .decides(unreachable);
  given(formerly, described).when(commands.greet).decides(reachable);
});

story('where agents have no names, a server is whoever says so', (given) => {
  given(...open)
    .when({ ...commands.greet, clientId: ANONYMOUS_AGENT })
    .decides();
  given({ type: 'server.registered', data: { agentClientId: ANONYMOUS_AGENT, broker: BROKER } }, described)
    .when(commands.greet)
    .decides();
});

story('a server id belongs to the agent that brought it, until it is removed', (given) => {
  const another = clientId('33333333-3333-4333-8333-333333333333');
  given(...open)
    .when({ ...commands.greet, clientId: another })
    .isRejected('SERVER_ID_TAKEN');
  given(...open, removed)
    .when({ ...commands.greet, clientId: another })
    .decides({ type: 'server.registered', data: { agentClientId: another, broker: BROKER } });
});

story('a server that was closed comes back closed', (given) => {
  given(...open, closed, removed, registered)
    .when(commands.reserve)
    .isRejected('SERVER_CLOSED');
});

story('a slot is given once and is free again when it is released', (given) => {
  given(...open, reserved)
    .when(commands.reserve)
    .decides();
  given(...open, reserved)
    .when({ ...commands.reserve, sessionId: S2 })
    .isRejected('SERVER_FULL');
  given(...open, reserved)
    .when(commands.release)
    .decides(released);
  given(...open, reserved, released)
    .when({ ...commands.reserve, sessionId: S2 })
    .decides({ ...reserved, data: { ...reserved.data, sessionId: S2 } });
});

story('a session made by hand anew, and otherwise, before the slot of the former one was given back, takes its place', (given) => {
  const mine = { type: 'server.slot-reserved', data: { sessionId: S1, sessionType: 'VIRTUAL', owner: 'ann', attempt: 0 } } as const;
  const other = { ...mine, data: { ...mine.data, owner: 'bob' } } as const;
  given(...open, other)
    .when(commands.count)
    .decides({ type: 'server.slot-released', data: { sessionId: S1 } }, mine);
  given(...open, { ...other, data: { ...other.data, attempt: 1 } })
    .when(commands.count)
    .decides();
});

story('a session that is there counts, whether there is room or not', (given) => {
  given(...open, reserved)
    .when(commands.count)
    .decides();
  given(...open, reserved)
    .when({ ...commands.count, sessionId: S2 })
    .decides({ ...reserved, data: { ...reserved.data, sessionId: S2, attempt: 0 } });
});

story('a server that cannot take a session says why', (given) => {
  given(registered).when(commands.reserve).isRejected('UNREACHABLE_AGENT');
  given(...open, unreachable)
    .when(commands.reserve)
    .isRejected('UNREACHABLE_AGENT');
  given(...open, unhealthy)
    .when(commands.reserve)
    .isRejected('UNHEALTHY_DCV_SERVER');
});

story('a server that is lost already is not lost again', (given) => {
  given(...open, unreachable)
    .when(commands.lose)
    .decides();
});

story('a server with sessions is closed by force only, and they stay', (given) => {
  const other = { ...reserved, data: { ...reserved.data, sessionId: S2 } } as const;
  given(...open, reserved)
    .when(commands.close)
    .isRejected('DCV_SERVER_HAS_SESSIONS');
  given(...open, reserved, other)
    .when(commands.close)
    .isRejected('DCV_SERVER_HAS_SESSIONS');
  given(...open, reserved)
    .when({ type: 'close', force: true })
    .decides({ type: 'server.closed', data: { force: true } });
  given(...open, reserved, closed)
    .when(commands.release)
    .decides(released);
});

story('a server is removed only while it cannot be reached', (given) => {
  const lost = { type: 'server.became-unreachable', data: { reason: 'silent' } } as const;
  given(...open, lost)
    .when(commands.remove)
    .decides(removed);
  given(...open, lost, { type: 'server.became-reachable', data: { broker: null } })
    .when(commands.remove)
    .decides();
});

story('a removed server holds nothing', (given) => {
  given(...open, reserved, removed, registered)
    .when(commands.reserve)
    .decides(reserved);
});
