/** What an agent needs to know of the machine that it runs on, apart from its DCV server. */
import type { Telemetry } from '../domain/ports/agent-link.ts';
import type { HostDescription } from './drivers/driver.ts';

export interface HostFacts {
  /** All but what only the DCV server can say of itself. */
  describe(): Promise<Omit<HostDescription, 'version' | 'port' | 'webUrlPath' | 'endpoints'>>;
  telemetry(): Promise<Telemetry>;
  /** People logged in on the host outside DCV. */
  loggedInUsers(): Promise<readonly string[]>;
}
