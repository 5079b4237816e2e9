/** The registry: who may talk to the broker, as of the last fact. */
import t from 'tap';
import type { AccessEvent } from '../../../domain/access/events.ts';
import { NOTHING } from '../../../domain/access/reach.ts';
import { createRegistry } from '../../../domain/access/registry.ts';

const LIVES = [
  [
    { type: 'api-client.registered', data: { name: 'console', passwordHash: 'hash', scopes: ['audit:read'], owner: 'ann' } },
    { type: 'api-client.unregistered', data: {} },
  ],
  [
    { type: 'software-statement.issued', data: { statementHash: 'hash' } },
    { type: 'software-statement.deactivated', data: {} },
  ],
  [
    { type: 'agent-client.registered', data: { name: 'host-1', secretHash: 'hash', statementId: 's' } },
    { type: 'agent-client.unregistered', data: {} },
  ],
] as const satisfies readonly (readonly [AccessEvent, AccessEvent])[];
const KINDS = ['api-client', 'software-statement', 'agent-client'] as const;

t.test('a credential counts from the fact that grants it to the fact that revokes it', async (t) => {
  for (const [index, [granted, revoked]] of LIVES.entries()) {
    const registry = createRegistry();
    const kind = KINDS[index] ?? 'api-client';
    registry.apply('1', granted);
    registry.apply('1', granted);
    const reach = kind === 'api-client' ? { scopes: ['audit:read'], owner: 'ann' } : NOTHING;
    t.match(registry.find(kind, '1'), { kind, id: '1', hash: 'hash', reach });
    for (const other of KINDS) if (other !== kind) t.equal(registry.find(other, '1'), undefined, 'an id of one kind is none of another');
    t.equal(registry.findStatement('hash')?.id, kind === 'software-statement' ? '1' : undefined);
    registry.apply('1', revoked);
    registry.apply('1', revoked);
    t.equal(registry.find(kind, '1'), undefined);
    t.equal(registry.findStatement('hash'), undefined);
  }
});
