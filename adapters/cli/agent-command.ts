/** `berth agent`: the composition root of an agent's process. */
import { loadAgentConfig } from '../../agent/config.ts';
import { runAgent } from '../../agent/main.ts';
import { configFileOn } from '../../agent/places.ts';
import { systemClock, systemRandom } from '../system.ts';
import { openAgentLog } from './agent-log.ts';
import type { AgentFlags } from './flags.ts';
import { announceReady, endRequested, endWithin } from './lifetime.ts';

/** Longer than orders under way are waited for. */
const STOP_MS = 10_000;

/** Resolves with the exit code when the agent was asked to end and has; rejects with a sentence for the operator when it cannot start. */
export async function runAgentCommand(flags: AgentFlags): Promise<number> {
  const ending = endRequested('service');
  const config = await loadAgentConfig(flags.config ?? configFileOn(process.platform), {
    platform: process.platform,
    environment: process.env,
  });
  const log = await openAgentLog(config.log, flags.logLevel);
  const { logger } = log;
  for (const warning of config.warnings) logger.warn({}, warning);
  try {
    const agent = await runAgent(config, { clock: systemClock, random: systemRandom, logger });
    announceReady();
    await ending;
    await endWithin(STOP_MS, agent.stop());
    return 0;
  } finally {
    await log.close();
  }
}
