/** `berth audit verify`: whether the facts in the log are those that were written, and which are not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LogReader } from '../../domain/ports/event-log.ts';
import type { Trust } from '../evidence/checkpoint-check.ts';
import type { Fault, FaultKind } from '../evidence/fault.ts';
import { EVIDENCE_FILE } from '../evidence/published.ts';
import { trustFiles, withCheckpointIn } from '../evidence/trusting.ts';
import { type Findings, verifyLog } from '../evidence/verification.ts';
import { harmless } from '../harmless.ts';
import { ConfigError } from '../settings/setting.ts';
import { dataFolderOf, type VerifyFlags } from './flags.ts';
import { endRequested } from './lifetime.ts';
import { archiveFolderOf, openLogSource } from './log-source.ts';
import { complain } from './output.ts';
import { createProgress, type Progress } from './progress.ts';
import { createRecords, OutputClosed, type Records } from './records.ts';
import { closingLines } from './verify-lines.ts';

const FLAGS: ReadonlySet<string> = new Set<keyof VerifyFlags>(['dataDir', 'log', 'streamPrefix', 'archive', 'json', 'evidence']);
/** Faults of a kind that people are shown; programs get all of them. */
const SHOWN = 20;

/** Resolves with the exit code; rejects where it could not be looked. */
export async function runVerify(flags: VerifyFlags): Promise<number> {
  const [stray] = Object.keys(flags).filter((flag) => !FLAGS.has(flag));
  if (stray !== undefined) throw new ConfigError(`--${stray} belongs to the list of berth audit: what is verified is the whole log.`);
  const ending = new AbortController();
  void endRequested().then(() => ending.abort(new Error('Stopped before the end.')));
  const { evidence, dataDir, ...onServer } = { ...flags, archive: archiveFolderOf(flags) };
  const absent: string[] = [];
  const { reader, name } = await openLogSource(flags.log === undefined ? flags : onServer, (sentence) => void absent.push(sentence));
  try {
    const { trust, files } = await trustOf(flags);
    const records = createRecords(flags);
    const startedAt = performance.now();
    const faults = createFaults(records);
    try {
      const found = await verify(reader, trust, { report: faults.report, signal: ending.signal });
      for (const message of absent) await faults.report({ fault: 'missing-archive', message });
      const findings = { ...found, faults: found.faults + absent.length };
      const seconds = Math.ceil(performance.now() - startedAt) / 1000;
      for (const line of faults.hidden()) await records.say(line);
      await conclude(records, findings, { log: name, trusted: files, seconds });
      return findings.faults === 0 ? 0 : 1;
    } catch (error) {
      if (error instanceof OutputClosed && faults.any()) return 1;
      throw error;
    }
  } finally {
    await reader.close();
  }
}

/** `files`: where it comes from; none: the log itself is all there is. */
async function trustOf(flags: VerifyFlags): Promise<{ readonly trust: Trust; readonly files: readonly string[] }> {
  const folder = flags.log === undefined || flags.dataDir !== undefined ? dataFolderOf(flags) : undefined;
  const own = folder === undefined ? undefined : join(folder, EVIDENCE_FILE);
  const { evidence } = flags;
  if (evidence !== undefined) {
    const trust = await trustFiles(evidence);
    return { trust: own === undefined ? trust : await withCheckpointIn(own, trust), files: evidence };
  }
  if (own !== undefined && existsSync(own)) return { trust: await trustFiles([own]), files: [own] };
  const where = own === undefined ? 'No --evidence was given' : `There is no ${own}, and no --evidence was given`;
  complain(`${where}: the keys that the log itself names are taken on trust, so this proves only that the log agrees with itself.`);
  return { trust: { keys: undefined, kept: [] }, files: [] };
}

type Reporting = Pick<Parameters<typeof verifyLog>[1], 'report' | 'signal'>;

async function verify(reader: LogReader, trust: Trust, reporting: Reporting): Promise<Findings> {
  const head = await reader.head();
  const bars: Partial<Record<'checkpoints' | 'facts', Progress>> = {};
  const doing = { checkpoints: 'Reading checkpoints', facts: 'Verifying' } as const;
  const end = (): void => {
    bars.checkpoints?.end();
    bars.facts?.end();
  };
  const report = async (fault: Fault): Promise<void> => {
    end();
    await reporting.report(fault);
  };
  function progress(what: 'checkpoints' | 'facts', position: number, count: number): void {
    bars[what] ??= createProgress(doing[what], head);
    bars[what].at(position, count);
  }
  return verifyLog(reader, { ...reporting, trust, report, progress }).finally(end);
}

function createFaults(records: Records) {
  const counts = new Map<FaultKind, number>();
  return {
    any: () => counts.size > 0,
    async report(fault: Fault): Promise<void> {
      const count = (counts.get(fault.fault) ?? 0) + 1;
      counts.set(fault.fault, count);
      if (records.json || count <= SHOWN) await records.write(fault, () => harmless(fault.message));
    },
    /** What people were not shown. */
    hidden: () =>
      [...counts]
        .filter(([, count]) => count > SHOWN)
        .map(([kind, count]) => `… and ${count - SHOWN} more of this kind: ${kind} (--json lists all).`),
  };
}

interface Run {
  readonly log: string;
  readonly trusted: readonly string[];
  readonly seconds: number;
}

async function conclude(records: Records, findings: Findings, { log, trusted, seconds }: Run): Promise<void> {
  const { lastCheckpoint: last } = findings;
  const lastCheckpoint = last && { ...last, time: new Date(last.time).toISOString() };
  const summary = { log, trusted, ...findings, lastCheckpoint, seconds };
  await records.write(summary, () => closingLines(findings, trusted, seconds).join('\n'));
}
