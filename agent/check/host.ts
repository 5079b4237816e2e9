/** Everything that the agent needs of its host and its broker, looked at in the order in which one thing hangs on the other. Works beside a running agent. */
import { readFile, stat } from 'node:fs/promises';
import type { BrokerAddress } from '../brokers.ts';
import { type AgentConfig, loadAgentConfig } from '../config.ts';
import { messageOf } from '../thrown.ts';
import { checkBroker, type Trust } from './brokers.ts';
import { checkDcv } from './dcv.ts';
import { checkEnrolment } from './enrolment.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { checkFolders } from './folders.ts';
import { checkTags } from './tags.ts';
import type { World } from './world.ts';

/** `configFile`: its agent.conf. Each finding comes when it is known. */
export async function* checkHost(configFile: string, world: World): AsyncIterable<Finding> {
  yield* checkUser(world);
  const config = await loadAgentConfig(configFile, world).catch((error: Error) => error);
  if (config instanceof Error) {
    yield fail('configuration', messageOf(config).replaceAll('\n', '; '), 'Correct the file, or name the right one with --config.');
    return;
  }
  yield await checkConfigFile(configFile, world);
  for (const warning of config.warnings) yield warn('configuration', `${warning}.`, 'Correct it, or leave it out.');
  const trust = await trustOf(config);
  if (trust instanceof Error) {
    yield fail(
      'ca_file',
      `${config.caFile} cannot be read: ${trust.message}.`,
      'Copy tls/ca.pem from the data folder of the broker to that place.',
    );
  } else {
    yield* checkBrokers(config, trust, world);
  }
  yield* checkDcv(config, world);
  yield* await checkFolders(config, world);
  yield* await checkTags(config);
}

/** What root may do says little of what the agent may. */
function* checkUser({ user }: World): Iterable<Finding> {
  if (user.isRoot)
    yield warn(
      'user',
      'This is run as root, who may do more than the agent.',
      'Run it as the user of the agent: sudo -u dcvsmagent berth agent check',
    );
  else yield ok('user', user.name);
}

async function checkConfigFile(path: string, { platform }: World): Promise<Finding> {
  const { mode } = await stat(path);
  if (platform === 'win32' || (mode & 0o002) === 0) return ok('configuration', path);
  return fail('configuration', `Anybody on this host may change ${path}.`, `Take that away: chmod o-w ${path}`);
}

async function trustOf({ caFile, tlsStrict }: AgentConfig): Promise<Trust | Error> {
  if (caFile === undefined) return { tlsStrict, caFile };
  return readFile(caFile, 'utf8').then(
    (ca) => ({ ca, tlsStrict, caFile }),
    (error: Error) => error,
  );
}

async function* checkBrokers(config: AgentConfig, trust: Trust, world: World): AsyncIterable<Finding> {
  const usable: BrokerAddress[] = [];
  for (const target of config.brokers) yield* checkBroker(target, trust, world, (broker) => usable.push(broker));
  yield* await checkEnrolment(config, trust, world, usable[0]);
}
