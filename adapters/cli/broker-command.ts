/** `berth broker`: the composition root of the broker's process. */
import { join } from 'node:path';
import { requestId } from '../../domain/ids.ts';
import { type RunningBroker, startBroker } from '../broker.ts';
import type { BrokerConfig } from '../config.ts';
import { CONNECTION_FILE, type ConnectionFile, writeConnectionFile } from '../connection-file.ts';
import { systemClock, systemRandom } from '../system.ts';
import { type BrokerFlags, brokerConfigOf } from './flags.ts';
import { announceReady, endRequested, endWithin } from './lifetime.ts';
import { print, stderrLogger } from './output.ts';

/** Longer than requests under way are waited for. */
const STOP_MS = 15_000;

/** Resolves with the exit code when the broker was asked to end and has; rejects with a sentence for the operator when it cannot start or go on. */
export async function runBroker(flags: BrokerFlags): Promise<number> {
  const ending = endRequested();
  const config = await brokerConfigOf(flags);
  const logger = stderrLogger('broker', flags.logLevel);
  const broker = await startBroker(config, { clock: systemClock, random: systemRandom, logger });
  try {
    const { url } = await introduce(config, broker);
    announceReady();
    print(`The broker is ready at ${url}. How to reach it is in ${join(config.dataDir, CONNECTION_FILE)}`);
    await Promise.race([ending, broker.lost]);
    return 0;
  } finally {
    await endWithin(STOP_MS, broker.stop());
  }
}

function introduce({ dataDir, host }: BrokerConfig, broker: RunningBroker): Promise<ConnectionFile> {
  const { clientPort, agentPort, caFile } = broker;
  const agentHost = reachable(host);
  const url = `https://${agentHost.includes(':') ? `[${agentHost}]` : agentHost}:${clientPort}`;
  const origin = { cause: { kind: 'broker', id: 'first-start' }, requestId: requestId(systemRandom.uuid()) } as const;
  return writeConnectionFile(dataDir, { url, caFile, agentHost, agentPort }, broker.access, origin);
}

/** Who listens on all addresses is reached on this machine at the loopback one. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
