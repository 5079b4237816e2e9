/** What the broker is told about a server: what its host says, and what the agent's configuration adds. */
import type { ServerDescription } from '../domain/server/events.ts';
import type { Driver } from './drivers/driver.ts';
import type { ReadTags } from './tags.ts';

/** Of this program. */
const AGENT_VERSION = '0.1.0';

export interface DescriptionSettings {
  readonly maxVirtualSessions: number;
  readonly maxSessionsPerUser: number;
}

/** Tags are read anew every time, so a change needs no restart. */
export async function describeServer(driver: Driver, settings: DescriptionSettings, readTags: ReadTags): Promise<ServerDescription> {
  const host = await driver.describe();
  const maxVirtualSessions = host.os.family === 'linux' ? settings.maxVirtualSessions : 0;
  const maxSessionsPerOwner = settings.maxSessionsPerUser;
  const tags = await readTags({ osFamily: host.os.family, maxVirtualSessions, maxSessionsPerOwner });
  return { ...host, agentVersion: AGENT_VERSION, tags, maxVirtualSessions, maxSessionsPerOwner };
}
