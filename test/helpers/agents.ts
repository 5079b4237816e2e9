/**
 * Many agents in one process, for tests that would drown in processes: `agents.js FACTOR CONFIG...`. What they do of their own accord, above all
 * looking for a lost broker, they do FACTOR times as often as real ones, so that they come back as quickly as tests kill it.
 */
import { createLogger } from '../../adapters/logging.ts';
import { systemClock, systemRandom } from '../../adapters/system.ts';
import { loadAgentConfig } from '../../agent/config.ts';
import { runAgent } from '../../agent/main.ts';
import type { Clock } from '../../domain/ports/clock.ts';

/** The longest pause between two tries. Longer waits are for the broker, which is as slow as ever. */
const OWN_ACCORD_MS = 5000;

const [factor, ...files] = process.argv.slice(2);
const clock: Clock = {
  now: systemClock.now,
  after: (delayMs, action) => systemClock.after(delayMs > OWN_ACCORD_MS ? delayMs : delayMs / Number(factor), action),
};
const logger = createLogger({ program: 'agents', level: 'error', human: false, write: (line) => process.stderr.write(line) });

for (const file of files) await runAgent(await loadAgentConfig(file), { clock, random: systemRandom, logger });
process.stdout.write('The agents run.\n');
