/** `berth agent`: the composition root of an agent's process. */
import { loadAgentConfig } from '../../agent/config.ts';
import { runAgent } from '../../agent/main.ts';
import { configFileOn } from '../../agent/places.ts';
import { systemClock, systemRandom } from '../system.ts';
import type { AgentFlags } from './flags.ts';
import { announceReady, endRequested, endWithin } from './lifetime.ts';
import { logLevel } from './output.ts';
import { openProgramLog } from './program-log.ts';

/** Longer than orders under way are waited for. */
const STOP_MS = 10_000;

/** Resolves with the exit code when the agent was asked to end and has; rejects with a sentence for the operator when it cannot start. */
export async function runAgentCommand(flags: AgentFlags): Promise<number> {
  const ending = endRequested('service');
  const config = await loadAgentConfig(flags.config ?? configFileOn(process.platform), {
    platform: process.platform,
    environment: process.env,
  });
  const { level, directory } = config.log;
  const log = await openProgramLog(
    'agent',
    logLevel(flags.logLevel ?? (level === 'warning' ? 'warn' : level)),
    directory === '-' ? undefined : config.log,
  );
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
