/** Benchmark (s): how long a broker takes from its start to the first 200 of `/ready`: on a new folder, where it makes keys and certificates, and on one that it ended on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './batch.ts';
import { inFolder } from './folder.ts';
import { startBroker } from './processes.ts';
import type { Row } from './row.ts';

const ROUNDS = 7;
const MOST_MS = 2000;
const POLL_MS = 5;

interface Start {
  readonly ms: number;
  readonly processorMs: number;
}

/** A Node.js that does nothing is measured between the others, because this figure says most about the machine. */
export function benchStart(): Promise<readonly Row[]> {
  return inFolder('start', async (folder) => {
    const data = join(folder, 'data');
    const [bare, fresh, again]: [number[], Start[], Start[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round++) {
      await rm(data, { recursive: true, force: true });
      bare.push(await bareStart());
      fresh.push(await measured(data));
      again.push(await measured(data));
    }
    return [...rowsOf('start on an empty folder', fresh, bare), ...rowsOf('start on the folder of a broker that ended', again, bare)];
  });
}

function rowsOf(name: string, starts: readonly Start[], bare: readonly number[]): readonly Row[] {
  const ms = median(starts.map((start) => start.ms));
  const processorMs = median(starts.map((start) => start.processorMs));
  const most = { unit: 'ms', baseline: `at most ${MOST_MS} ms`, aim: '<= 1' };
  return [
    { name, value: ms, ratio: ms / MOST_MS, ...most },
    { name: `${name}, processor time`, value: processorMs, ratio: processorMs / MOST_MS, ...most },
    {
      name: `${name}, against Node.js`,
      value: ms,
      unit: 'ms',
      ratio: ms / median(bare),
      baseline: `node -e 0 (${median(bare).toFixed(0)} ms)`,
    },
  ];
}

async function measured(dataDir: string): Promise<Start> {
  const port = await freePort();
  const startedAt = performance.now();
  const [broker] = await Promise.all([startBroker(dataDir, ['--client-port', String(port)]), untilReady(port)]);
  const start = { ms: performance.now() - startedAt, processorMs: (await broker.processorSeconds()) * 1000 };
  await broker.stop();
  return start;
}

async function bareStart(): Promise<number> {
  const startedAt = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - startedAt;
}

async function untilReady(port: number): Promise<void> {
  while ((await statusOfReady(port)) !== 200) await sleep(POLL_MS);
}

/** Undefined: nobody is there yet. Whose certificate it is does not matter here. */
function statusOfReady(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asking = get({ host: '127.0.0.1', port, path: '/ready', rejectUnauthorized: false, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asking.on('error', () => resolve(undefined));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
