/**
 * Checkpoints, signed by one broker at a time: whichever holds the lock. A term that fails is followed by another; where the log is not what was sealed, none
 * is, and the operator is told.
 */
import type { Locks } from '../../domain/ports/locks.ts';
import type { Logger } from '../logging.ts';
import type { Published } from './published.ts';
import { BrokenEvidenceError, beginSigning, type SigningLimits, type SigningPorts } from './signing.ts';

export interface SealingPorts extends SigningPorts {
  readonly locks: Locks;
  readonly logger: Logger;
}

export interface Sealing {
  /** Works in the background from here on. */
  start(): void;
  /** Seals what has happened, which takes a moment, and ends; within 5 s, whether the log answers or not. */
  stop(): Promise<void>;
}

const LOCK = 'checkpoints';
/** Between two tries to hold the lock, or after a term that failed. */
const ROUND_MS = 5_000;
/** How long the last facts are waited for at the end. */
const FINISH_MS = 3_000;
/** When whatever is still under way at the end is left to itself. What it was about to seal is sealed by the next broker. */
const STOP_MS = 5_000;

export function createSealing(ports: SealingPorts, limits: SigningLimits): Sealing {
  const { locks, clock, logger, published } = ports;
  const told = createTold(logger);
  let isStopped = false;
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let running: Promise<void> | undefined;

  const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));

  async function run(): Promise<void> {
    while (!isStopped) {
      try {
        await term();
      } catch (err) {
        if (err instanceof BrokenEvidenceError) {
          logger.error({ err }, `No more checkpoints are signed: ${err.message} See docs/evidence.md.`);
          return;
        }
        told.failed(err);
      }
      await Promise.race([stopped, pause(ROUND_MS)]);
    }
  }

  async function term(): Promise<void> {
    const lock = await locks.take(LOCK);
    if (lock === undefined) return;
    try {
      const signing = await beginSigning({ ...ports, published: telling(published, told.signed) }, limits);
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
      await Promise.race([running, pause(STOP_MS)]);
    },
  };
}

/** A log that is away is told once, and when it is back, whatever the tries in between. */
function createTold(logger: Logger) {
  let isTold = false;
  return {
    failed(err: unknown): void {
      if (!isTold) logger.warn({ err }, 'Checkpoints are not signed at the moment; trying again until they are.');
      isTold = true;
    },
    signed(): void {
      if (isTold) logger.warn({}, 'Checkpoints are signed again.');
      isTold = false;
    },
  };
}

/** A checkpoint is published when it has been signed and is in the log. */
const telling = (published: Published, signed: () => void): Published => ({
  ...published,
  async publish(key, checkpoint) {
    await published.publish(key, checkpoint);
    if (checkpoint !== undefined) signed();
  },
});
