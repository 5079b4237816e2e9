/** The authorization servers elsewhere that are trusted, in memory: asked with every call that brings one of their tokens. */
import type { AuthServer, AuthServerEvent } from './events.ts';

export interface TrustedServers {
  /** Folds a fact, of whichever broker; without effect for one that was folded before. */
  apply(id: string, fact: AuthServerEvent): void;
  put(id: string, server: AuthServer): void;
  /** Several may speak in one name. `issuer` may end with a slash. */
  of(issuer: string): readonly AuthServer[];
  all(): readonly AuthServer[];
}

export function createTrustedServers(): TrustedServers {
  const servers = new Map<string, AuthServer>();
  return {
    apply(id, fact) {
      if (fact.type === 'auth-server.registered') servers.set(id, fact.data);
      else servers.delete(id);
    },
    put: (id, server) => void servers.set(id, server),
    of: (issuer) => [...servers.values()].filter((server) => server.issuer === withoutSlash(issuer)),
    all: () => [...servers.values()],
  };
}

/** Some write their issuer with a slash at the end, although their addresses have it without. */
export const withoutSlash = (issuer: string): string => issuer.replace(/\/$/, '');
