/** What the broker is told about a server: what its host says, and what the agent's configuration adds. */
import type { Logger } from '../adapters/logging.ts';
import type { ServerDescription } from '../domain/server/events.ts';
import type { Driver } from './drivers/driver.ts';
import { readTags } from './tags.ts';

/** Of this program. */
const AGENT_VERSION = '0.1.0';

export interface DescriptionSettings {
  readonly tagsFolders: readonly string[];
  readonly maxVirtualSessions: number;
  readonly maxSessionsPerUser: number;
}

/** Tags are read anew every time, so a change shows within one update interval and needs no restart. */
export async function describeServer(driver: Driver, settings: DescriptionSettings, log: Logger): Promise<ServerDescription> {
  const host = await driver.describe();
  const maxVirtualSessions = host.os.family === 'linux' ? settings.maxVirtualSessions : 0;
  const maxSessionsPerOwner = settings.maxSessionsPerUser;
  const tags = await readTags(settings.tagsFolders, { osFamily: host.os.family, maxVirtualSessions, maxSessionsPerOwner }, log);
  return { ...host, agentVersion: AGENT_VERSION, tags, maxVirtualSessions, maxSessionsPerOwner };
}
