/** The program `berth` as its users run it: a process, with what it said and how it ended. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { type ConnectionFile, readConnectionFile } from '../../adapters/connection-file.ts';
import { until } from './until.ts';

export interface BerthProcess {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves when stdout and stderr together hold `text`; rejects when the process ends before, or after a long time. */
  says(text: string | RegExp): Promise<void>;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** The ids of its children that are still there. */
  children(): readonly number[];
}

/** Slow machines are slow, and all of them run several of these at a time. */
const PATIENCE_MS = 40_000;
export const BERTH = fileURLToPath(new URL('../../adapters/cli/berth.js', import.meta.url));
/** Many agents in a process. */
export const AGENTS = fileURLToPath(new URL('./agents.js', import.meta.url));
/** What tests use: any free ports. */
export const FREE_PORTS = ['--client-port', '0', '--agent-port', '0'];

/** Ended with the test, if it has not before. In a process group of its own, as a shell would start it. */
export function runBerth(t: Test, ...parameters: string[]): BerthProcess {
  return runModule(t, BERTH, parameters);
}

export interface ModuleOptions {
  /** Without what tap puts into each process of Node to measure coverage: it doubles the time of a start, and who is killed measures nothing. */
  readonly bare?: boolean;
  /** Variables beside those of the test. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** `module` is the path of one in the build. */
export function runModule(t: Test, module: string, parameters: readonly string[], options: ModuleOptions = {}): BerthProcess {
  const { bare = false, env = {}, cwd } = options;
  const command = [process.execPath, '--enable-source-maps', module, ...parameters];
  // Not by the environment given to `spawn`, which tap completes on the way. `env` becomes the process, under the same id.
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const [file = '', ...words] = ['env', ...(bare ? ['-u', 'NODE_OPTIONS'] : []), ...variables, ...command];
  const child = spawn(file, words, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  let ending: number | string | undefined;
  running.add(child);
  const ended = new Promise<number | string>((resolve) => {
    child.on('close', (code, signal) => {
      running.delete(child);
      ending = code ?? String(signal);
      resolve(ending);
    });
  });
  t.teardown(async () => {
    if (ending === undefined) child.kill('SIGTERM');
    await ended;
  });
  const said = (text: string | RegExp): boolean =>
    typeof text === 'string' ? `${stdout}${stderr}`.includes(text) : text.test(`${stdout}${stderr}`);
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    async says(text) {
      await until(`"${text}" from ${basename(module)} ${parameters.join(' ')}`, () => said(text) || ending !== undefined, PATIENCE_MS);
      if (!said(text)) throw new Error(`It ended (${ending}) without saying "${text}":\n${stdout}${stderr}`);
    },
    ended,
    children: () => childrenOf(Number(child.pid)),
  };
}

/** Whoever is left when a test ends without its teardown ends with it. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A broker and simulated servers, of which the user has been told. */
export async function startBerth(t: Test, dataDir: string, servers: number, options: ModuleOptions = {}): Promise<BerthProcess> {
  const berth = runModule(t, BERTH, ['start', '--data-dir', dataDir, '--servers', String(servers), ...FREE_PORTS], options);
  await berth.says('Ctrl-C stops everything');
  return berth;
}

export const connectionOf = (dataDir: string): Promise<ConnectionFile> => readConnectionFile(join(dataDir));

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function childrenOf(pid: number): readonly number[] {
  const lines = execFileSync('ps', ['-e', '-o', 'ppid=,pid=,stat='], { encoding: 'utf8' }).split('\n');
  const rows = lines.map((line) => line.trim().split(/\s+/));
  return rows.filter(([parent, , state]) => Number(parent) === pid && !state?.startsWith('Z')).map(([, child]) => Number(child));
}
