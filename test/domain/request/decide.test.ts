import { requestKind } from '../../../domain/request/actor.ts';
import type { RequestCommand } from '../../../domain/request/commands.ts';
import type { RequestEvent } from '../../../domain/request/events.ts';
import { storiesOf, testTables } from '../given.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);

const acceptedUntil = (expires: number, fingerprint = 'f1') =>
  ({ type: 'request.accepted', data: { operation: 'createSessions', fingerprint, expires } }) as const;
const accepted = acceptedUntil(NOW + DAY);
const answered = { type: 'request.answered', data: { status: 200, body: '{}' } } as const;

const acceptAt = (now: number, fingerprint = 'f1') =>
  ({ type: 'accept', operation: 'createSessions', fingerprint, now, expires: now + DAY }) as const;

const commands = {
  accept: acceptAt(NOW),
  'accept another': acceptAt(NOW, 'f2'),
  'accept a day later': acceptAt(NOW + DAY),
  'accept another a day later': acceptAt(NOW + DAY, 'f2'),
  answer: { type: 'answer', round: 1, status: 200, body: '{}' },
  'answer another round': { type: 'answer', round: 2, status: 200, body: '{}' },
} as const satisfies Record<string, RequestCommand>;

testTables<typeof requestKind.machine, RequestCommand, RequestEvent>(
  requestKind,
  {
    states: { unknown: [], pending: [accepted], answered: [accepted, answered] },
    events: { 'request.accepted': accepted, 'request.answered': answered },
    commands,
  },
  {
    follows: `
      fact             | unknown | pending  | answered
      request.accepted | pending | pending  | pending
      request.answered |         | answered |
    `,
    decides: `
      command                    | unknown  | pending    | answered
      accept                     | accepted |            |
      accept another             | accepted | KEY_REUSED | KEY_REUSED
      accept a day later         | accepted | accepted   | accepted
      accept another a day later | accepted | accepted   | accepted
      answer                     |          | answered   |
      answer another round       |          |            |
    `,
  },
);

const story = storiesOf<typeof requestKind.machine, RequestCommand, RequestEvent>(requestKind);

story('a key is as new after its time, whether its request was answered or not, and not a millisecond before', (given) => {
  given(accepted)
    .when(acceptAt(NOW + DAY - 1))
    .decides();
  given(accepted)
    .when(acceptAt(NOW + DAY - 1, 'f2'))
    .isRejected('KEY_REUSED');
  given(accepted)
    .when(acceptAt(NOW + DAY, 'f2'))
    .decides(acceptedUntil(NOW + 2 * DAY, 'f2'));
  given(accepted, answered)
    .when(acceptAt(NOW + DAY))
    .decides(acceptedUntil(NOW + 2 * DAY));
});

story('an answer belongs to the round that was carried out', (given) => {
  const again = acceptedUntil(NOW + 2 * DAY, 'f2');
  given(accepted, answered, again).when(commands.answer).decides();
  given(accepted, answered, again).when(commands['answer another round']).decides(answered);
});
