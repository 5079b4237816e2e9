/** The processes of a benchmark: the broker as an operator runs it, and helpers with one job each, which they get and answer as JSON. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { READY } from '../adapters/cli/lifetime.ts';
import { type ConnectionFile, readConnectionFile } from '../adapters/connection-file.ts';

export interface BrokerProcess {
  readonly connection: ConnectionFile;
  /** From the start of the process until it said that it can be used. */
  readonly readyMs: number;
  /** Bytes that it holds in memory now. */
  resident(): Promise<number>;
  /** Seconds of processor time that it has used, with all its threads. */
  processorSeconds(): Promise<number>;
  stop(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

/** What a broker can do is measured, not what it lets one client do. */
const UNTHROTTLED = { BERTH_MAX_API_REQUESTS_PER_SECOND: '1000000' };

/** `more`: parameters beside its folder and ports. `BROKER_FLAGS` (say `--cpu-prof --cpu-prof-dir=/tmp/profile`) are flags of Node for this process alone. */
export async function startBroker(dataDir: string, more: readonly string[] = []): Promise<BrokerProcess> {
  const startedAt = performance.now();
  const parameters = ['broker', '--data-dir', dataDir, '--client-port', '0', '--agent-port', '0', '--log-level', 'error', ...more];
  const flags = (process.env['BROKER_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
  const child = fork(fileURLToPath(new URL('../adapters/cli/berth.js', import.meta.url)), parameters, {
    execArgv: ['--enable-source-maps', ...flags],
    env: { ...process.env, ...UNTHROTTLED },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const listen = listenTo(child);
  for (let message = await listen(); (message as { kind?: unknown }).kind !== READY.kind; ) message = await listen();
  const readyMs = performance.now() - startedAt;
  const connection = await readConnectionFile(dataDir);
  if (connection === undefined) throw new Error(`The broker is ready, but ${dataDir} does not say how to reach it.`);
  return { connection, readyMs, ...measuring(child.pid ?? 0), stop: () => end(child, 'SIGTERM'), kill: () => end(child, 'SIGKILL') };
}

export interface AgentProcess extends Pick<BrokerProcess, 'resident' | 'processorSeconds' | 'stop'> {
  /** Seconds of processor time of the programs that it has run. */
  childSeconds(): Promise<number>;
}

/** `berth agent` as an operator runs it. */
export function startAgent(configFile: string): AgentProcess {
  const child = fork(fileURLToPath(new URL('../adapters/cli/berth.js', import.meta.url)), ['agent', '--config', configFile], {
    execArgv: ['--enable-source-maps'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  return { ...measuring(child.pid ?? 0), stop: () => end(child, 'SIGTERM') };
}

export interface Helper<Message> {
  /** The next thing that it says. */
  next(): Promise<Message>;
  /** Says something to it. */
  tell(message: object): void;
  resident(): Promise<number>;
  processorSeconds(): Promise<number>;
  stop(): Promise<void>;
}

/** Runs `module` of this folder; its job is its first argument, as JSON. */
export function startHelper<Message>(module: string, job: object): Helper<Message> {
  const child = fork(fileURLToPath(new URL(`${module}.js`, import.meta.url)), [JSON.stringify(job)], {
    execArgv: ['--enable-source-maps'],
  });
  return {
    next: listenTo(child) as () => Promise<Message>,
    tell: (message) => void child.send(message),
    ...measuring(child.pid ?? 0),
    stop: () => end(child, 'SIGTERM'),
  };
}

/** In a helper: its job. */
export const job = <Job>(): Job => JSON.parse(process.argv[2] ?? '{}') as Job;

/** In a helper: says something to whoever started it. */
export const say = (message: object): void => void process.send?.(message);

/** What a process says, one thing after another; rejects when it ends instead. */
function listenTo(child: ChildProcess): () => Promise<unknown> {
  const heard: unknown[] = [];
  child.on('message', (message) => heard.push(message));
  const exit = once(child, 'exit').then(() => 'exit');
  return async () => {
    while (heard.length === 0) {
      const event = await Promise.race([once(child, 'message').then(() => 'message'), exit]);
      if (event === 'exit' && heard.length === 0) throw new Error('A process of the benchmark has ended before its time.');
    }
    return heard.shift();
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

const PAGE_BYTES = 4096;
const TICKS_PER_SECOND = 100;
/** Fields of /proc/PID/stat behind the name: in user mode, with that in the kernel behind it. */
const OWN_TIME = 11;
const CHILDREN_TIME = 13;

/** What Linux says of a process; other systems have no /proc, and no figures then. */
function measuring(pid: number): Pick<AgentProcess, 'resident' | 'processorSeconds' | 'childSeconds'> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const seconds = async (field: number): Promise<number> => {
    const fields = (await read('stat')).replace(/^.*\) /, '').split(' ');
    return (Number(fields[field]) + Number(fields[field + 1])) / TICKS_PER_SECOND;
  };
  return {
    async resident() {
      const [, pages] = (await read('statm')).split(' ');
      return Number(pages) * PAGE_BYTES;
    },
    processorSeconds: () => seconds(OWN_TIME),
    childSeconds: () => seconds(CHILDREN_TIME),
  };
}
