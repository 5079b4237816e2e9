/** Every read model that a broker keeps. */
import { access } from './access.ts';
import { authServers } from './auth-servers.ts';
import { brokers } from './brokers.ts';
import { dns } from './dns.ts';
import type { Projection } from './projection.ts';
import { servers } from './servers.ts';
import { sessions } from './sessions.ts';

export const PROJECTIONS: readonly Projection[] = [sessions, servers, access, brokers, dns, authServers];
