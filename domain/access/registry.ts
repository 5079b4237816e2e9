/** Who may talk to the broker, in memory: asked on every request, so no answer may cost a read. Some 0.3 KB a credential. */
import type { CredentialKind } from './actor.ts';
import type { AccessEvent } from './events.ts';
import { NOTHING, type Reach } from './reach.ts';

/** A credential as it is compared with. */
export interface Credential {
  readonly kind: CredentialKind;
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  /** What it may do with the API. */
  readonly reach: Reach;
}

export interface Registry {
  /** Folds a fact; without effect for one that was folded before. */
  apply(id: string, fact: AccessEvent): void;
  put(credential: Credential): void;
  /** Undefined for one that is unknown or not valid any more. */
  find(kind: CredentialKind, id: string): Credential | undefined;
  /** The software statement with this hash. */
  findStatement(hash: string): Credential | undefined;
}

export function createRegistry(): Registry {
  const byKey = new Map<string, Credential>();
  const statements = new Map<string, Credential>();

  function put(credential: Credential): void {
    byKey.set(keyOf(credential.kind, credential.id), credential);
    if (credential.kind === 'software-statement') statements.set(credential.hash, credential);
  }

  function revoke(kind: CredentialKind, id: string): void {
    const credential = byKey.get(keyOf(kind, id));
    if (credential === undefined) return;
    byKey.delete(keyOf(kind, id));
    statements.delete(credential.hash);
  }

  return {
    apply(id, fact) {
      switch (fact.type) {
        case 'api-client.registered': {
          const { name, passwordHash: hash, scopes, owner } = fact.data;
          return put({ kind: 'api-client', id, name, hash, reach: { scopes, owner } });
        }
        case 'software-statement.issued':
          return put({ kind: 'software-statement', id, name: '', hash: fact.data.statementHash, reach: NOTHING });
        case 'agent-client.registered':
          return put({ kind: 'agent-client', id, name: fact.data.name, hash: fact.data.secretHash, reach: NOTHING });
        case 'api-client.unregistered':
          return revoke('api-client', id);
        case 'software-statement.deactivated':
          return revoke('software-statement', id);
        case 'agent-client.unregistered':
          return revoke('agent-client', id);
      }
    },
    put,
    find: (kind, id) => byKey.get(keyOf(kind, id)),
    findStatement: (hash) => statements.get(hash),
  };
}

const keyOf = (kind: CredentialKind, id: string): string => `${kind} ${id}`;
