/**
 * `berth start`: a broker and simulated servers, each a process of its own, as in a real fleet. It says how to reach them, starts an agent
 * again that ends, and ends everything when it is asked to or when the broker is lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { agentEnvironment } from '../child-environment.ts';
import type { BrokerConfig } from '../config.ts';
import { type ConnectionFile, readConnectionFile } from '../connection-file.ts';
import { wholeNumber } from '../settings/values.ts';
import { systemClock } from '../system.ts';
import { createApiClient } from './api.ts';
import { type Child, type Ending, startChild } from './children.ts';
import { brokerConfigOf, type StartFlags } from './flags.ts';
import { writeAgentFiles } from './fleet.ts';
import { awaitFleet } from './fleet-watch.ts';
import { endRequested } from './lifetime.ts';
import { complain, print } from './output.ts';
import { keepRunning, type Restarting } from './restarting.ts';
import { type Tokens, welcome } from './welcome.ts';

/** Each is a process of some 60 MB. */
const MAX_SERVERS = 200;
/** What children get to end in order before they are killed. */
const AGENT_STOP_MS = 3000;
const BROKER_STOP_MS = 8000;
/** How long agents may take until the broker knows them: all together, and more for each, since they share the processors. */
const ENROLMENT_MS = 20_000;
const ENROLMENT_PER_SERVER_MS = 1000;
/** A signal to all processes reaches the broker and us in any order: so long a broker that has ended is not yet a broker that is lost. */
const SIGNAL_SKEW_MS = 200;

interface Run {
  readonly flags: StartFlags;
  readonly dataDir: string;
  readonly tokens: Tokens;
  readonly servers: number;
  readonly broker: Child;
  /** Grows as agents are started. */
  readonly agents: Restarting[];
  readonly over: AbortController;
}

/** Gives the exit code; rejects with a sentence for the operator when something could not be started. */
export async function start(flags: StartFlags): Promise<number> {
  const ending = endRequested();
  const servers = wholeNumber({ value: flags.servers, from: '--servers' }, 0, MAX_SERVERS);
  const config = await brokerConfigOf(flags);
  const { dataDir } = config;
  const broker = startChild(brokerParameters(flags), systemClock);
  const run: Run = { flags, dataDir, tokens: tokensOf(config), servers, broker, agents: [], over: new AbortController() };
  try {
    return await Promise.race([ending.then(() => 0), brokerLost(run), bringUp(run)]);
  } finally {
    run.over.abort();
    await Promise.all(run.agents.map((agent) => agent.stop(AGENT_STOP_MS)));
    await broker.stop(BROKER_STOP_MS);
  }
}

function brokerParameters({ servers: _, ...flags }: StartFlags): readonly string[] {
  return ['broker', ...Object.entries(flags).flatMap(([name, value]) => [flagOf(name), value])];
}

/** `dataDir` gives `--data-dir`. */
const flagOf = (name: string): string => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** A broker that never was ready has itself said why. */
async function brokerLost({ broker, over }: Run): Promise<number> {
  const [ending, wasReady] = await Promise.all([broker.ended, broker.ready]);
  await sleep(SIGNAL_SKEW_MS);
  if (wasReady && !over.signal.aborted) complain(`The broker has ended (${ending}). Everything else is stopped.`);
  return 1;
}

/** Starts the agents once there is a broker, and tells the user. Never resolves: there is nothing to wait for but the end. */
async function bringUp(run: Run): Promise<never> {
  const { broker, dataDir, servers, over } = run;
  if (await broker.ready) {
    const connection = await readConnectionFile(dataDir);
    for (let number = 1; number <= servers && !over.signal.aborted; number++) await startAgent(run, number, connection);
    await present(run, connection);
  }
  return new Promise(() => undefined);
}

async function startAgent({ dataDir, flags, agents }: Run, number: number, connection: ConnectionFile): Promise<void> {
  const file = await writeAgentFiles(dataDir, number, connection).catch((cause: Error) => {
    throw new Error(`The files of server ${number} cannot be written: ${cause.message}`, { cause });
  });
  const parameters = ['agent', '--config', file, '--log-level', flags.logLevel ?? 'warn'];
  const ended = (ending: Ending, delayMs: number): void => {
    complain(`The agent of server ${number} has ended (${ending}). It is started again in ${delayMs / 1000} s.`);
  };
  agents.push(keepRunning(() => startChild(parameters, systemClock, agentEnvironment()), systemClock, ended));
}

/** Where tokens for the API come from decides who can ask it. */
const tokensOf = ({ apiAuthorization, authorizationServer }: BrokerConfig): Tokens =>
  apiAuthorization ? (authorizationServer ? 'here' : 'elsewhere') : 'needless';

async function present({ dataDir, tokens, servers: wanted, over }: Run, connection: ConnectionFile): Promise<void> {
  if (tokens === 'elsewhere') return print(welcome(dataDir, connection, { tokens, wanted }));
  const client = await createApiClient(connection, tokens === 'here');
  const patienceMs = ENROLMENT_MS + wanted * ENROLMENT_PER_SERVER_MS;
  const fleet = await awaitFleet({ describeServers: client.describeServers, wanted, patienceMs, signal: over.signal });
  await client.close();
  if (!over.signal.aborted) print(welcome(dataDir, connection, { tokens, fleet, wanted }));
}
