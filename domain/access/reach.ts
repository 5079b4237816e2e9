/** How far a client of the API may go: which scopes it has, and whether there are any sessions for it but those of one owner. */

/** The names are the format of facts and tokens. */
export const SCOPES = ['sessions:read', 'sessions:write', 'servers:write', 'audit:read'] as const;
export type Scope = (typeof SCOPES)[number];

export interface Reach {
  /** Null: all of them, also those that there may be one day. */
  readonly scopes: readonly Scope[] | null;
  /** Whose sessions it knows, and nothing else; null: everybody's. Compared letter by letter, as owners are everywhere. */
  readonly owner: string | null;
}

export const EVERYTHING: Reach = { scopes: null, owner: null };
/** Of credentials that do not call the API. */
export const NOTHING: Reach = { scopes: [], owner: null };

/** What there is to do with the sessions of one owner. */
export const OWNER_SCOPES: readonly Scope[] = ['sessions:read', 'sessions:write'];

/** The scopes that count; null: all of them. */
export function scopesOf({ scopes, owner }: Reach): readonly Scope[] | null {
  return owner === null ? scopes : OWNER_SCOPES.filter((scope) => scopes === null || scopes.includes(scope));
}

/** No more than `wanted`, and no more than before; null: as before. */
export function narrowed(reach: Reach, wanted: readonly Scope[] | null): Reach {
  if (wanted === null) return reach;
  const had = scopesOf(reach);
  return { ...reach, scopes: wanted.filter((scope) => had === null || had.includes(scope)) };
}
