/** A layer around the log that says how long appends take, and how they end. */
import type { EventLog } from '../../domain/ports/event-log.ts';

export type AppendOutcome = 'appended' | 'conflict' | 'failed';

export function timedLog(log: EventLog, appended: (outcome: AppendOutcome, seconds: number) => void): EventLog {
  return {
    ...log,
    async append(stream, revision, facts) {
      const began = performance.now();
      let outcome: AppendOutcome = 'failed';
      try {
        const answer = await log.append(stream, revision, facts);
        outcome = answer.outcome;
        return answer;
      } finally {
        appended(outcome, (performance.now() - began) / 1000);
      }
    },
  };
}
