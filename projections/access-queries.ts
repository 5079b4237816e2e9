/** Who may talk to the broker: what the registry in memory is filled with when a broker starts. */
import type { Selectable } from 'kysely';
import type { CredentialKind, CredentialsTable, Reader } from './database.ts';

export interface Credential {
  readonly kind: CredentialKind;
  readonly id: string;
  /** Empty for a software statement, which has none. */
  readonly name: string;
  /** What the secret is compared with; see domain/access/events.ts for how each kind is hashed. */
  readonly hash: string;
}

/** For administrators: also those that are not valid any more, without what they are compared with. */
export interface ListedCredential {
  readonly id: string;
  readonly name: string;
  readonly isActive: boolean;
}

export interface AccessQueries {
  /** Of one kind, by name and id, up to so many. */
  listed(kind: CredentialKind, limit: number): Promise<readonly ListedCredential[]>;
  /** All that are valid, of every kind; there are as many as administrators made, and one for each agent. */
  active(): Promise<readonly Credential[]>;
}

export function createAccessQueries(reader: Reader): AccessQueries {
  return {
    async listed(kind, limit) {
      const columns = ['id', 'name', 'active'] as const;
      const query = reader.selectFrom('credentials').select(columns).where('kind', '=', kind).orderBy('name').orderBy('id').limit(limit);
      return (await query.execute()).map(({ id, name, active }) => ({ id, name: name ?? '', isActive: active === 1 }));
    },
    async active() {
      const rows = await reader.selectFrom('credentials').selectAll().where('active', '=', 1).orderBy('id').execute();
      return rows.map(credentialOf);
    },
  };
}

const credentialOf = ({ kind, id, name, hash }: Selectable<CredentialsTable>): Credential => ({ kind, id, name: name ?? '', hash });
