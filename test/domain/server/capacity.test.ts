import t from 'tap';
import {
  canTake,
  freeSlots,
  occupancy,
  type ServerCapacity,
  type Slots,
  slotOf,
  UNDESCRIBED,
  unavailability,
  withoutSlot,
  withSlot,
} from '../../../domain/server/capacity.ts';
import type { SessionType } from '../../../domain/session/events.ts';

const linux: ServerCapacity = { ...UNDESCRIBED, osFamily: 'linux', maxVirtualSessions: 2 };
const windows: ServerCapacity = { ...UNDESCRIBED, osFamily: 'windows' };
const macos: ServerCapacity = { ...UNDESCRIBED, osFamily: 'macos' };

const slots = (...taken: readonly (readonly [SessionType, string])[]): Slots =>
  taken.map(([sessionType, owner], index) => ({ sessionId: `s${index}`, sessionType, owner, attempt: 1 }));
const oneConsole = slots(['CONSOLE', 'bob']);
const oneVirtual = slots(['VIRTUAL', 'bob']);
const twoVirtual = slots(['VIRTUAL', 'bob'], ['VIRTUAL', 'bob']);

/** A server, and what it answers to a console and to a virtual session of ann; empty is yes. */
const table: readonly (readonly [string, ServerCapacity, string, string])[] = [
  ['an empty Linux server', linux, '', ''],
  ['a Linux server with a console session', { ...linux, slots: oneConsole }, 'SERVER_FULL', 'SERVER_FULL'],
  ['a Linux server with one virtual session of two', { ...linux, slots: oneVirtual }, 'SESSION_TYPE_CONFLICT', ''],
  ['a Linux server with all its virtual sessions', { ...linux, slots: twoVirtual }, 'SERVER_FULL', 'SERVER_FULL'],
  ['a Linux server beyond its limit', { ...linux, maxVirtualSessions: 1, slots: twoVirtual }, 'SERVER_FULL', 'SERVER_FULL'],
  ['a Linux server without a limit', { ...linux, maxVirtualSessions: -1, slots: twoVirtual }, 'SESSION_TYPE_CONFLICT', ''],
  ['a Linux server without virtual sessions', { ...linux, maxVirtualSessions: 0 }, '', 'SESSION_TYPE_NOT_SUPPORTED'],
  ['a Linux server with a user logged in', { ...linux, loggedInUsers: ['eve'] }, '', ''],
  ['an empty Windows server', windows, '', 'SESSION_TYPE_NOT_SUPPORTED'],
  ['a Windows server, whatever it says about virtual sessions', { ...windows, maxVirtualSessions: 5 }, '', 'SESSION_TYPE_NOT_SUPPORTED'],
  ['a Windows server with a console session', { ...windows, slots: oneConsole }, 'SERVER_FULL', 'SESSION_TYPE_NOT_SUPPORTED'],
  ['a Windows server with an impossible virtual session', { ...windows, slots: oneVirtual }, 'SERVER_FULL', 'SESSION_TYPE_NOT_SUPPORTED'],
  [
    'a Windows server with a user logged in',
    { ...windows, loggedInUsers: ['eve'] },
    'EXISTING_LOGGED_IN_USER',
    'SESSION_TYPE_NOT_SUPPORTED',
  ],
  [
    'a Windows server whose session is logged in',
    { ...windows, loggedInUsers: ['bob'], slots: oneConsole },
    'SERVER_FULL',
    'SESSION_TYPE_NOT_SUPPORTED',
  ],
  ['a closed Windows server', { ...windows, open: false }, 'SERVER_CLOSED', 'SESSION_TYPE_NOT_SUPPORTED'],
  ['an empty macOS server', macos, '', 'SESSION_TYPE_NOT_SUPPORTED'],
  ['a macOS server with a user logged in', { ...macos, loggedInUsers: ['eve'] }, '', 'SESSION_TYPE_NOT_SUPPORTED'],
  ['a macOS server with a console session', { ...macos, slots: oneConsole }, 'SERVER_FULL', 'SESSION_TYPE_NOT_SUPPORTED'],
  ['a server nobody has described', UNDESCRIBED, 'UNREACHABLE_AGENT', 'UNREACHABLE_AGENT'],
  ['a closed server', { ...linux, open: false }, 'SERVER_CLOSED', 'SERVER_CLOSED'],
  ['an unreachable server', { ...linux, reachable: false }, 'UNREACHABLE_AGENT', 'UNREACHABLE_AGENT'],
  ['an unhealthy server', { ...linux, healthy: false }, 'UNHEALTHY_DCV_SERVER', 'UNHEALTHY_DCV_SERVER'],
  ['a server for one session an owner', { ...linux, maxSessionsPerOwner: 1 }, '', ''],
  ['a server for no session an owner', { ...linux, maxSessionsPerOwner: 0 }, 'OWNER_LIMIT_REACHED', 'OWNER_LIMIT_REACHED'],
  ['a server where others reached their limit', { ...linux, maxSessionsPerOwner: 1, slots: oneVirtual }, 'SESSION_TYPE_CONFLICT', ''],
  [
    'a server where the owner reached the limit',
    { ...linux, maxSessionsPerOwner: 1, slots: slots(['VIRTUAL', 'ann']) },
    'SESSION_TYPE_CONFLICT',
    'OWNER_LIMIT_REACHED',
  ],
];

for (const [what, server, console, virtual] of table) {
  t.test(`${what} answers ${console || 'yes'} to a console and ${virtual || 'yes'} to a virtual session`, async (t) => {
    const answer = (sessionType: SessionType): string => {
      const verdict = canTake(server, { sessionType, owner: 'ann' });
      if (!verdict.ok) t.match(verdict.reason, /^[A-Z].*\.$/, 'the reason is a sentence');
      return verdict.ok ? '' : verdict.code;
    };
    t.equal(answer('CONSOLE'), console);
    t.equal(answer('VIRTUAL'), virtual);
  });
}

t.test('of several reasons, what somebody decided is shown first, then what hides the rest', async (t) => {
  const worst = { ...windows, open: false, reachable: false, healthy: false, loggedInUsers: ['eve'], console: 1, virtual: 0 };
  t.equal(unavailability(worst), 'SERVER_CLOSED');
  t.equal(unavailability({ ...worst, open: true }), 'UNREACHABLE_AGENT');
  t.equal(unavailability({ ...worst, open: true, reachable: true }), 'UNHEALTHY_DCV_SERVER');
  t.equal(unavailability({ ...worst, open: true, reachable: true, healthy: true }), 'SERVER_FULL');
  t.equal(unavailability({ ...worst, open: true, reachable: true, healthy: true, console: 0 }), 'EXISTING_LOGGED_IN_USER');
});

t.test('free slots are counted for the type that fits most', async (t) => {
  const free = (server: ServerCapacity): number => freeSlots({ ...server, ...occupancy(server.slots) });
  t.equal(free(linux), 2);
  t.equal(free({ ...linux, slots: oneVirtual }), 1);
  t.equal(free({ ...linux, slots: oneConsole }), 0);
  t.equal(free({ ...linux, maxVirtualSessions: 0 }), 1);
  t.equal(free({ ...linux, maxVirtualSessions: -1 }), Number.POSITIVE_INFINITY);
  t.equal(free(windows), 1);
});

t.test('a session may be called __proto__', async (t) => {
  t.equal(slotOf([], '__proto__'), undefined);
  const slot = { sessionId: '__proto__', sessionType: 'VIRTUAL', owner: 'ann', attempt: 0 } as const;
  const taken = withSlot(oneVirtual, slot);
  t.same(slotOf(taken, '__proto__'), slot);
  t.same(occupancy(taken), { console: 0, virtual: 2 });
  t.same(JSON.parse(JSON.stringify(taken)), taken);
  t.equal(slotOf(withoutSlot(taken, '__proto__'), '__proto__'), undefined);
  t.same(withoutSlot(taken, '__proto__'), oneVirtual);
});
