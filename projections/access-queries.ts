/** Who may talk to the broker: what the registry in memory is filled with when a broker starts. */
import type { Selectable } from 'kysely';
import { NOTHING, type Reach, type Scope } from '../domain/access/reach.ts';
import type { CredentialKind, CredentialsTable, Reader } from './database.ts';

export interface Credential {
  readonly kind: CredentialKind;
  readonly id: string;
  /** Empty for a software statement, which has none. */
  readonly name: string;
  /** What the secret is compared with; see domain/access/events.ts for how each kind is hashed. */
  readonly hash: string;
  readonly reach: Reach;
}

/** For administrators: also those that are not valid any more, without what they are compared with. */
export interface ListedCredential {
  readonly id: string;
  readonly name: string;
  readonly isActive: boolean;
  readonly reach: Reach;
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
      const query = reader.selectFrom('credentials').selectAll().where('kind', '=', kind).orderBy('name').orderBy('id').limit(limit);
      return (await query.execute()).map((row) => ({ id: row.id, name: row.name ?? '', isActive: row.active === 1, reach: reachOf(row) }));
    },
    async active() {
      const rows = await reader.selectFrom('credentials').selectAll().where('active', '=', 1).orderBy('id').execute();
      return rows.map(credentialOf);
    },
  };
}

type Row = Selectable<CredentialsTable>;

const credentialOf = (row: Row): Credential => ({ kind: row.kind, id: row.id, name: row.name ?? '', hash: row.hash, reach: reachOf(row) });

function reachOf({ kind, scopes, owner }: Row): Reach {
  return kind === 'api-client' ? { scopes: scopes === null ? null : (JSON.parse(scopes) as Scope[]), owner } : NOTHING;
}
