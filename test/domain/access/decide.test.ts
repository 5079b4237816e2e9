import { accessKind } from '../../../domain/access/actor.ts';
import type { AccessCommand } from '../../../domain/access/commands.ts';
import type { AccessEvent } from '../../../domain/access/events.ts';
import { testTables } from '../given.ts';

const registered = { type: 'api-client.registered', data: { name: 'console', passwordHash: 'hash', scopes: null, owner: null } } as const;
const unregistered = { type: 'api-client.unregistered', data: {} } as const;
const issued = { type: 'software-statement.issued', data: { statementHash: 'hash' } } as const;
const deactivated = { type: 'software-statement.deactivated', data: {} } as const;
const enrolled = { type: 'agent-client.registered', data: { name: 'host-1', secretHash: 'hash', statementId: 'statement' } } as const;
const expelled = { type: 'agent-client.unregistered', data: {} } as const;

const kind = accessKind('api-client');

testTables<typeof kind.machine, AccessCommand, AccessEvent>(
  kind,
  {
    states: { unknown: [], active: [registered], inactive: [registered, unregistered] },
    events: {
      'api-client.registered': registered,
      'api-client.unregistered': unregistered,
      'software-statement.issued': issued,
      'software-statement.deactivated': deactivated,
      'agent-client.registered': enrolled,
      'agent-client.unregistered': expelled,
    },
    commands: { grant: { type: 'grant', event: registered }, revoke: { type: 'revoke', event: unregistered } },
  },
  {
    follows: `
      fact                           | unknown | active   | inactive
      api-client.registered          | active  |          |
      api-client.unregistered        |         | inactive |
      software-statement.issued      | active  |          |
      software-statement.deactivated |         | inactive |
      agent-client.registered        | active  |          |
      agent-client.unregistered      |         | inactive |
    `,
    decides: `
      command | unknown        | active       | inactive
      grant   | registered     | ID_TAKEN     | ID_TAKEN
      revoke  | NOT_REGISTERED | unregistered |
    `,
  },
);
