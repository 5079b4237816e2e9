/** What lifts older facts about authorization servers. A step is never changed once facts of its version are stored. */
import type { Upcasters } from '../upcasting.ts';
import type { AuthServerEvent } from './events.ts';

export const authServerUpcasters: Upcasters<AuthServerEvent> = { 'auth-server.registered': [], 'auth-server.unregistered': [] };
