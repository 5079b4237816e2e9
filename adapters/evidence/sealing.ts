/**
 * Checkpoints, signed by one broker at a time: whichever holds the lock. A term that fails is followed by another; where the log is not what was sealed, none
 * is, and the operator is told.
 */
import type { Locks } from '../../domain/ports/locks.ts';
import type { Logger } from '../logging.ts';
import { BrokenEvidenceError, beginSigning, type SigningLimits, type SigningPorts } from './signing.ts';

export interface SealingPorts extends SigningPorts {
  readonly locks: Locks;
  readonly logger: Logger;
}

export interface Sealing {
  /** Works in the background from here on. */
  start(): void;
  /** Seals what has happened, which takes a moment, and ends. */
  stop(): Promise<void>;
}

const LOCK = 'checkpoints';
/** Between two tries to hold the lock, or after a term that failed. */
const ROUND_MS = 5_000;
/** How long the last facts are waited for at the end. */
const FINISH_MS = 3_000;

export function createSealing(ports: SealingPorts, limits: SigningLimits): Sealing {
  const { locks, clock, logger } = ports;
  let isStopped = false;
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (!isStopped) {
      try {
        await term();
      } catch (err) {
        if (err instanceof BrokenEvidenceError) {
          logger.error({ err }, `No more checkpoints are signed: ${err.message} See docs/evidence.md.`);
          return;
        }
        logger.warn({ err }, 'Checkpoints are not signed at the moment; trying again.');
      }
      await Promise.race([stopped, new Promise<void>((resolve) => clock.after(ROUND_MS, resolve))]);
    }
  }

  async function term(): Promise<void> {
    const lock = await locks.take(LOCK);
    if (lock === undefined) return;
    try {
      const signing = await beginSigning(ports, limits);
      try {
        await Promise.race([stopped, lock.over, signing.failed]);
        if (isStopped) await signing.finish(FINISH_MS);
      } finally {
        await signing.abandon();
      }
    } finally {
      await lock.release();
    }
  }

  return {
    start() {
      running = run();
    },
    async stop() {
      isStopped = true;
      stop();
      await running;
    },
  };
}
