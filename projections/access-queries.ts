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

export interface AccessQueries {
  /** All that are valid, of every kind; there are as many as administrators made, and one for each agent. */
  active(): Promise<readonly Credential[]>;
}

export function createAccessQueries(reader: Reader): AccessQueries {
  return {
    async active() {
      const rows = await reader.selectFrom('credentials').selectAll().where('active', '=', 1).orderBy('id').execute();
      return rows.map(credentialOf);
    },
  };
}

const credentialOf = ({ kind, id, name, hash }: Selectable<CredentialsTable>): Credential => ({ kind, id, name: name ?? '', hash });
