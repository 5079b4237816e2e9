/**
 * Folding the past in a process of its own, and with less of a claim to the processor: a broker with other things to do hardly notices. It is told what to do
 * over the channel between the two, because the address of a log may hold a password; when either end of it closes, that is the end.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Moment, Until } from '../../projections/replay.ts';
import { archivesIn } from '../archive/shelf.ts';
import { childEnvironment } from '../child-environment.ts';
import type { BrokerConfig } from '../config.ts';

/** Where the log and its archives are, as commands are told. */
export type FoldSource = { readonly dataDir: string } | { readonly log: string; readonly streamPrefix: string; readonly archive: string };

/** Of a broker. */
export const foldSource = ({ eventLog, streamPrefix }: Pick<BrokerConfig, 'eventLog' | 'streamPrefix'>, dataDir: string): FoldSource =>
  eventLog === undefined ? { dataDir } : { log: eventLog, streamPrefix, archive: archivesIn(dataDir) };

export interface FoldJob {
  readonly source: FoldSource;
  readonly until: Until;
  readonly file: string;
}

export type FoldAnswer = Moment | { readonly failed: string };

const MODULE = fileURLToPath(new URL('../cli/fold-process.js', import.meta.url));

export function foldInChild(source: FoldSource): (until: Until, file: string, signal: AbortSignal) => Promise<Moment> {
  return async (until, file, signal) => {
    const child = fork(MODULE, {
      env: childEnvironment(),
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: ['--enable-source-maps'],
    });
    const kill = () => child.kill('SIGKILL');
    signal.addEventListener('abort', kill);
    let answer: FoldAnswer = { failed: 'it ended without an answer' };
    child.on('message', (message: FoldAnswer) => {
      answer = message;
    });
    child.on('spawn', () => {
      // It may have been killed by now. How it ends is told by its end.
      child.send({ source, until, file } satisfies FoldJob, () => undefined);
      giveWay(Number(child.pid));
    });
    await once(child, 'exit');
    signal.removeEventListener('abort', kill);
    signal.throwIfAborted();
    if ('failed' in answer) throw new Error(`The past could not be folded: ${answer.failed}`);
    return answer;
  };
}

function giveWay(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It is gone.
  }
}
