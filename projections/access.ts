/** Who may talk to the broker: the hashes that a credential is compared with, how far it reaches, and whether it still counts. */
import type { AccessEvent } from '../domain/access/events.ts';
import type { ShapeOf } from './changes.ts';
import type { CredentialKind } from './database.ts';
import { type Handler, type Projection, projectionOf } from './projection.ts';

const CREDENTIALS: ShapeOf<'credentials'> = {
  table: 'credentials',
  key: ['kind', 'id'],
  columns: ['name', 'hash', 'statement_id', 'scopes', 'owner', 'active'],
  whole: false,
};

export const access: Projection = projectionOf<AccessEvent>({
  name: 'access',
  shapes: [CREDENTIALS],
  subjects: ['api-client', 'software-statement', 'agent-client'],
  handlers: {
    'api-client.registered': ({ data }, id, changes) => {
      const { name, passwordHash: hash, scopes, owner } = data;
      changes.upsert(CREDENTIALS, ['api-client', id], { name, hash, scopes, owner, active: true });
    },
    'api-client.unregistered': revoke('api-client'),
    'software-statement.issued': ({ data }, id, changes) => {
      changes.upsert(CREDENTIALS, ['software-statement', id], { hash: data.statementHash, active: true });
    },
    'software-statement.deactivated': revoke('software-statement'),
    'agent-client.registered': ({ data }, id, changes) => {
      const { name, secretHash, statementId } = data;
      changes.upsert(CREDENTIALS, ['agent-client', id], { name, hash: secretHash, statement_id: statementId, active: true });
    },
    'agent-client.unregistered': revoke('agent-client'),
  },
});

function revoke(kind: CredentialKind): Handler<AccessEvent> {
  return (_, id, changes) => changes.change(CREDENTIALS, [kind, id], { active: false });
}
