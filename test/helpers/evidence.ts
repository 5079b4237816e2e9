/** Logs that are chained and sealed, and the audit of them. */
import { join } from 'node:path';
import type { Test } from 'tap';
import { wholeJws } from '../../adapters/evidence/checkpoint.ts';
import type { Trust } from '../../adapters/evidence/checkpoint-check.ts';
import type { Fault } from '../../adapters/evidence/fault.ts';
import { EVIDENCE_FILE, type Evidence, type Published, publishedIn } from '../../adapters/evidence/published.ts';
import { type CheckpointKey, checkpointKey, importKey } from '../../adapters/evidence/signatures.ts';
import { beginSigning } from '../../adapters/evidence/signing.ts';
import { type Findings, verifyLog } from '../../adapters/evidence/verification.ts';
import { systemClock, systemRandom } from '../../adapters/system.ts';
import type { EventLog, LogReader } from '../../domain/ports/event-log.ts';
import { temporaryFolder } from './read-model.ts';

export const KEY: CheckpointKey = checkpointKey(Buffer.alloc(32, 7));
/** Of somebody else. */
export const OTHER_KEY: CheckpointKey = checkpointKey(Buffer.alloc(32, 8));

export const trusting = (...keys: readonly CheckpointKey[]): Trust => ({
  keys: new Map(keys.map(({ keyId, publicJwk }) => [keyId, importKey(publicJwk)])),
  kept: [],
});

export interface Audit extends Findings {
  readonly found: readonly Fault[];
}

export async function audit(reader: LogReader, trust: Trust = trusting(KEY)): Promise<Audit> {
  const found: Fault[] = [];
  const report = async (fault: Fault): Promise<void> => void found.push(fault);
  const findings = await verifyLog(reader, { trust, report, progress: () => undefined });
  return { ...findings, found };
}

/** A file of its own. */
export const publishedFor = (t: Test): Published => publishedIn(join(temporaryFolder(t), EVIDENCE_FILE));

/** The same without a file. */
export function publishedInMemory(): Published {
  let evidence: Evidence | undefined;
  return {
    read: async () => evidence,
    async publish({ publicJwk }, checkpoint) {
      const kept = checkpoint && { number: checkpoint.number, time: checkpoint.time, jws: wholeJws(checkpoint) };
      evidence = { keys: [publicJwk], checkpoint: kept ?? evidence?.checkpoint };
    },
  };
}

/** Signs a checkpoint over all that is in the log, if there is something new. */
export async function seal(log: EventLog, published: Published, key: CheckpointKey = KEY): Promise<void> {
  const ports = { log, clock: systemClock, random: systemRandom, key, published };
  const signing = await beginSigning(ports, { intervalMs: 60_000 });
  await signing.finish(10_000);
}
