/** What is asked when somebody shows a credential. */
import { type CompiledQuery, type Selectable, sql } from 'kysely';
import type { CredentialKind, CredentialsTable, Reader } from './database.ts';
import { withParameters } from './packing.ts';

export interface Credential {
  readonly id: string;
  /** Empty for a software statement, which has none. */
  readonly name: string;
  /** What the secret is compared with; see domain/access/events.ts for how each kind is hashed. */
  readonly hash: string;
  /** Of an agent client: the software statement it enrolled with. */
  readonly statementId?: string | undefined;
  readonly active: boolean;
}

export interface AccessQueries {
  find(kind: CredentialKind, id: string): Promise<Credential | undefined>;
  /** A software statement by its hash, since it is shown without an id. */
  findStatement(hash: string): Promise<Credential | undefined>;
  /** All of a kind, by id; there are as many as administrators made, and one for each agent. */
  list(kind: CredentialKind): Promise<readonly Credential[]>;
}

export function createAccessQueries(reader: Reader): AccessQueries {
  const ofKind = credentials(reader).where('kind', '=', 'api-client').orderBy('id');
  const listed = ofKind.compile();
  const found = ofKind.where('id', '=', '').compile();
  /** The kind stands in the statement itself, so that the index that holds only statements can be used. */
  const stated = credentials(reader).where('kind', '=', sql.lit<CredentialKind>('software-statement')).where('hash', '=', '').compile();

  async function ask(query: CompiledQuery<CredentialRow>): Promise<readonly Credential[]> {
    const { rows } = await reader.executeQuery(query);
    return rows.map(credentialOf);
  }

  return {
    find: async (kind, id) => (await ask(withParameters(found, kind, id))).at(0),
    findStatement: async (hash) => (await ask(withParameters(stated, hash))).at(0),
    list: (kind) => ask(withParameters(listed, kind)),
  };
}

type CredentialRow = Selectable<CredentialsTable>;

const credentials = (reader: Reader) => reader.selectFrom('credentials').selectAll();

function credentialOf({ id, name, hash, statement_id, active }: CredentialRow): Credential {
  return { id, name: name ?? '', hash, statementId: statement_id ?? undefined, active: active === 1 };
}
