/** `berth broker`: the composition root of the broker's process. */
import { join } from 'node:path';
import { requestId } from '../../domain/ids.ts';
import { type RunningBroker, startBroker } from '../broker.ts';
import type { BrokerConfig } from '../config.ts';
import { CONNECTION_FILE, type ConnectionFile, writeConnectionFile } from '../connection-file.ts';
import type { Logger } from '../logging.ts';
import type { Gathered } from '../settings/gather.ts';
import { systemClock, systemRandom } from '../system.ts';
import { type BrokerFlags, configFrom, gatheredFrom } from './flags.ts';
import { announceReady, endRequested, endWithin, onReload } from './lifetime.ts';
import { print } from './output.ts';
import { openProgramLog } from './program-log.ts';

/** Longer than requests under way are waited for. */
const STOP_MS = 15_000;

/** Resolves with the exit code when the broker was asked to end and has; rejects with a sentence for the operator when it cannot start or go on. */
export async function runBroker(flags: BrokerFlags): Promise<number> {
  const ending = endRequested('service');
  const gathered = await gatheredFrom(flags);
  const config = configFrom(gathered);
  const log = await openProgramLog('broker', config.logLevel, config.logFiles);
  try {
    return await runWith(log.logger, { config, gathered, ending });
  } finally {
    await log.close();
  }
}

interface Run {
  readonly config: BrokerConfig;
  readonly gathered: Gathered;
  /** Resolves when it is asked to end. */
  readonly ending: Promise<void>;
}

async function runWith(logger: Logger, { config, gathered, ending }: Run): Promise<number> {
  reportSettings(gathered, logger);
  const broker = await startBroker(config, { clock: systemClock, random: systemRandom, logger });
  try {
    const { url } = await introduce(config.dataDir, broker);
    onReload(() => void broker.reload());
    announceReady();
    print(`The broker is ready at ${url}. How to reach it is in ${join(config.dataDir, CONNECTION_FILE)}`);
    await Promise.race([ending, broker.lost]);
    return 0;
  } finally {
    await endWithin(STOP_MS, broker.stop());
  }
}

/** What was said in vain is told once. */
function reportSettings({ warnings, vain }: Gathered, logger: Logger): void {
  for (const warning of warnings) logger.warn({}, warning);
  if (Object.keys(vain).length > 0) logger.warn({ settings: vain }, 'These settings of the original have no effect here.');
}

function introduce(dataDir: string, broker: RunningBroker): Promise<ConnectionFile> {
  const { clientHost, clientPort, agentHost, agentPort, caFile } = broker;
  const url = `https://${clientHost.includes(':') ? `[${clientHost}]` : clientHost}:${clientPort}`;
  const origin = { cause: { kind: 'broker', id: 'first-start' }, requestId: requestId(systemRandom.uuid()) } as const;
  return writeConnectionFile(dataDir, { url, caFile, agentHost, agentPort }, broker.access, origin);
}
