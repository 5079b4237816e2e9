/**
 * One term of signing checkpoints: takes up where the last checkpoint in the log ends, reads on from there, and signs when there is enough or it is time.
 * It keeps nothing but what the next checkpoint needs.
 */
import { LOG_START, type Position, type RecordedFact } from '../../domain/facts.ts';
import { factId, requestId } from '../../domain/ids.ts';
import type { Clock, Random, Timer } from '../../domain/ports/clock.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import { CHECKPOINTS, type Checkpoint, checkpointSigned, payloadOf, readCheckpoint, wholeJws } from './checkpoint.ts';
import { BEGINNING, createGathering, type Standing } from './gathering.ts';
import { lastCheckpoint } from './last-checkpoint.ts';
import type { Published } from './published.ts';
import { sealedEnd } from './sealed-end.ts';
import type { CheckpointKey } from './signatures.ts';

export interface SigningPorts {
  /** Facts as they were written: below whatever lifts old shapes. */
  readonly log: EventLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly key: CheckpointKey;
  readonly published: Published;
}

export interface SigningLimits {
  /** How long facts wait for a checkpoint at most; whole seconds, in milliseconds. */
  readonly intervalMs: number;
}

export interface Signing {
  /** Rejects when it cannot go on; never resolves. */
  readonly failed: Promise<never>;
  /** Signs what there is, waiting up to `patienceMs` for what was not heard yet, and ends. */
  finish(patienceMs: number): Promise<void>;
  /** Ends without signing; resolves when nothing is under way. */
  abandon(): Promise<void>;
}

/** The log is not the one that was sealed. Signing on would make good what somebody has done to it. */
export class BrokenEvidenceError extends Error {
  override readonly name = 'BrokenEvidenceError';
}

/** The first checkpoint of a term comes soon: what was written just before a crash has waited long enough. */
const FIRST_MS = 5_000;

export async function beginSigning(ports: SigningPorts, { intervalMs }: SigningLimits): Promise<Signing> {
  const { log, clock, key, published } = ports;
  const last = await findLast(ports);
  await published.publish(key, undefined);
  let standing: Standing = last ?? BEGINNING;
  let gathering = createGathering();
  let position = last === undefined ? LOG_START : await placeOf(ports, last);
  let timer: Timer;
  let turn: Promise<void> = Promise.resolve();
  let arrived: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);

  /** One after another, because each takes up from the one before. */
  function sign(): Promise<void> {
    turn = turn.then(async () => {
      if (!gathering.hasNews) return;
      const seal = gathering.seal(standing, clock.now(), intervalMs / 1000);
      gathering = createGathering();
      standing = seal;
      await record(ports, { ...seal, jws: key.sign(payloadOf(seal)) });
    });
    return turn;
  }

  async function hear(facts: readonly RecordedFact[]): Promise<void> {
    for (const fact of facts) {
      gathering.add(fact);
      position = fact.position;
      if (gathering.isFull) await sign();
    }
    arrived();
  }

  function arm(delayMs: number): void {
    timer = clock.after(delayMs, () => {
      sign().then(() => arm(intervalMs), fail);
    });
  }

  const subscription = log.subscribe(position, hear, fail);
  arm(Math.min(FIRST_MS, intervalMs));

  async function heardAll(): Promise<void> {
    const head = await log.head();
    await new Promise<void>((resolve) => {
      arrived = () => {
        if (position >= head) resolve();
      };
      arrived();
    });
  }

  async function abandon(): Promise<void> {
    timer.cancel();
    await subscription.stop();
    await turn.catch(() => undefined);
  }

  return {
    failed,
    async finish(patienceMs) {
      const patience = new Promise<void>((resolve) => clock.after(patienceMs, resolve));
      await Promise.race([heardAll(), patience, failed]);
      await sign();
      await abandon();
    },
    abandon,
  };
}

/** In the log first, and then in the file that vouches for it: the file is never ahead of the log. */
async function record({ log, random, key, published }: SigningPorts, checkpoint: Checkpoint): Promise<void> {
  const cause = { kind: 'broker', id: 'checkpoints' } as const;
  const envelope = { id: factId(random.uuid()), schemaVersion: 1, time: checkpoint.time, cause, requestId: requestId(random.uuid()) };
  const appended = await log.append(CHECKPOINTS, checkpoint.number - 1, [{ ...checkpointSigned(checkpoint), ...envelope }]);
  if (appended.outcome === 'conflict') throw new Error(`Checkpoint ${checkpoint.number} was signed by somebody else meanwhile.`);
  await published.publish(key, checkpoint);
}

async function findLast({ log, published }: SigningPorts): Promise<Checkpoint | undefined> {
  const fact = await lastCheckpoint(log);
  const last = fact && readCheckpoint(fact);
  if (fact !== undefined && last === undefined) throw new BrokenEvidenceError('The last checkpoint in the log cannot be read.');
  const kept = (await published.read())?.checkpoint;
  if (kept === undefined) return last;
  if (last === undefined || last.number < kept.number) {
    throw new BrokenEvidenceError(`The log ends before checkpoint ${kept.number}, which this broker has signed.`);
  }
  const [same] = await log.readStream(CHECKPOINTS, kept.number, 1);
  const checkpoint = same && readCheckpoint(same);
  if (checkpoint === undefined || wholeJws(checkpoint) !== kept.jws) {
    throw new BrokenEvidenceError(`Checkpoint ${kept.number} in the log is another than the one that this broker has signed.`);
  }
  return last;
}

async function placeOf({ log }: SigningPorts, checkpoint: Checkpoint): Promise<Position> {
  const end = await sealedEnd(log, checkpoint);
  if ('fact' in end) return end.fact?.position ?? LOG_START;
  const { number, last } = checkpoint;
  throw new BrokenEvidenceError(`The last fact that checkpoint ${number} seals, ${last.stream} at revision ${last.revision}, is gone.`);
}
