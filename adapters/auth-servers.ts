/** Which authorization servers elsewhere are trusted: what an administrator says of them, recorded and in force at once. */
import { createHash } from 'node:crypto';
import { type ActorPorts, createActors } from '../domain/actors.ts';
import { authServerKind } from '../domain/auth-server/actor.ts';
import type { AuthServer } from '../domain/auth-server/events.ts';
import type { TrustedServers } from '../domain/auth-server/trusted.ts';
import { type Rejection, rejected } from '../domain/decision.ts';
import type { Origin } from '../domain/facts.ts';

export interface AuthServers {
  /** Undefined: it is trusted from now on. */
  register(server: AuthServer, origin: Origin): Promise<Rejection | undefined>;
  /** From then on none of its tokens is good here; on other brokers as soon as they hear of it. False: there is none with this URL. */
  unregister(url: string, origin: Origin): Promise<boolean>;
  list(): readonly AuthServer[];
}

/** A token may be compared with all of those that speak in its issuer's name. */
const MAX_SERVERS = 20;

export function createAuthServers(ports: ActorPorts, trusted: TrustedServers): AuthServers {
  const actors = createActors(authServerKind, ports);
  return {
    async register(server, origin) {
      const others = trusted.all().filter(({ url }) => url !== server.url);
      if (others.length >= MAX_SERVERS) return rejected('TOO_MANY', `There are ${MAX_SERVERS} authorization servers already.`).rejected;
      await actors.execute(idOf(server.url), { type: 'register', server }, origin);
      trusted.put(idOf(server.url), server);
      return undefined;
    },
    async unregister(url, origin) {
      const outcome = await actors.execute(idOf(url), { type: 'unregister' }, origin);
      trusted.apply(idOf(url), { type: 'auth-server.unregistered', data: {} });
      return !('rejected' in outcome);
    },
    list: trusted.all,
  };
}

/** A URL cannot be the name of a stream. */
const idOf = (url: string): string => createHash('sha256').update(url).digest('hex');
