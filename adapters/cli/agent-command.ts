/** `berth agent`: the composition root of an agent's process. */
import { type AgentConfig, loadAgentConfig } from '../../agent/config.ts';
import { runAgent } from '../../agent/main.ts';
import { configFileOn } from '../../agent/places.ts';
import { systemClock, systemRandom } from '../system.ts';
import type { AgentFlags } from './flags.ts';
import { announceReady, endRequested, endWithin } from './lifetime.ts';
import { stderrLogger } from './output.ts';

/** Longer than orders under way are waited for. */
const STOP_MS = 10_000;

/** Resolves with the exit code when the agent was asked to end and has; rejects with a sentence for the operator when it cannot start. */
export async function runAgentCommand(flags: AgentFlags): Promise<number> {
  const ending = endRequested();
  const config = await loadAgentConfig(flags.config ?? configFileOn(process.platform));
  const logger = stderrLogger('agent', flags.logLevel ?? levelOf(config));
  const agent = await runAgent(config, { clock: systemClock, random: systemRandom, logger });
  announceReady();
  await ending;
  await endWithin(STOP_MS, agent.stop());
  return 0;
}

function levelOf({ log }: AgentConfig): string {
  return log.level === 'warning' ? 'warn' : log.level;
}
