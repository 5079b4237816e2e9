/** What an audit of a log comes to, in lines for people. */
import type { Findings } from '../evidence/verification.ts';
import { counted } from './progress.ts';

/** `trusted`: files that say what to trust; none: the log itself. */
export function closingLines(findings: Findings, trusted: readonly string[], seconds: number): readonly string[] {
  return [lookedAt(findings, seconds), sealed(findings), ...omissions(findings), verdict(findings, trusted)];
}

function lookedAt({ facts, streams, checkpoints }: Findings, seconds: number): string {
  const speed = `${seconds.toFixed(1)} s (${counted(facts / seconds)} facts/s)`;
  return `Looked at ${several(facts, 'fact')} in ${several(streams, 'stream')} and ${several(checkpoints, 'checkpoint')} in ${speed}.`;
}

function sealed({ lastCheckpoint, unsealed, keys }: Findings): string {
  if (lastCheckpoint === undefined) return 'There is no checkpoint that counts, so nobody vouches for any of them.';
  const { number, time } = lastCheckpoint;
  const signed = `The newest checkpoint that counts is ${number}, signed at ${new Date(time).toISOString()}`;
  const key = `${keys.length === 1 ? 'key' : 'keys'} ${keys.join(', ')}`;
  const since = unsealed === 0 ? 'nothing happened since' : `${several(unsealed, 'fact')} since then wait for the next`;
  return `${signed} (${key}); ${since}.`;
}

function omissions({ unchained, removed, unordered }: Findings): readonly string[] {
  const older = `${several(unchained, 'fact')} from before facts were chained: only the checkpoints vouch for them.`;
  const gone = `Taken out of the log, with a note of where they are now: ${several(removed.facts, 'fact')} of ${several(removed.streams, 'stream')}.`;
  const order = `The order of the facts of ${several(unordered, 'checkpoint')} could not be looked at for that reason.`;
  return [...(unchained > 0 ? [older] : []), ...(removed.facts > 0 ? [`${gone}${unordered > 0 ? ` ${order}` : ''}`] : [])];
}

function verdict({ faults }: Findings, trusted: readonly string[]): string {
  if (faults > 0) return `${several(faults, 'fault')}. See docs/evidence.md for what to do.`;
  if (trusted.length === 0) return 'The log agrees with itself.';
  return `The log is whole, by ${trusted.join(', ')}.`;
}

const several = (count: number, what: string): string => `${counted(count)} ${what}${count === 1 ? '' : 's'}`;
