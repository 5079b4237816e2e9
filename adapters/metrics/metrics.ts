/** What is measured while the broker works. Labels are names from our own code (operations, outcomes, limits): no ids, no owners. */
import { Counter, Histogram, Registry } from 'prom-client';
import type { Process } from '../../domain/processes/process.ts';
import { observePlacements } from './placements.ts';
import type { AppendOutcome } from './timed-log.ts';

export interface Metrics {
  readonly registry: Registry;
  /** Counts and times an answer. */
  answered(answer: { readonly operation: string; readonly status: number }, seconds: number): void;
  appended(outcome: AppendOutcome, seconds: number): void;
  readonly placements: Process;
}

const CALL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const PLACEMENT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const calls = new Histogram({
    name: 'berth_api_request_seconds',
    help: 'Time from a request to the head of its answer, by operation.',
    labelNames: ['operation'],
    buckets: CALL_BUCKETS,
    registers,
  });
  const answers = new Counter({
    name: 'berth_api_answers_total',
    help: 'Answers of all doors, by operation and HTTP status.',
    labelNames: ['operation', 'status'],
    registers,
  });
  const appends = new Histogram({
    name: 'berth_log_append_seconds',
    help: 'Time until an append to the event log was acknowledged or failed, by outcome.',
    labelNames: ['outcome'],
    buckets: CALL_BUCKETS,
    registers,
  });
  const placements = new Histogram({
    name: 'berth_placement_seconds',
    help: 'Time from the request for a session until a server was found for it.',
    buckets: PLACEMENT_BUCKETS,
    registers,
  });
  return {
    registry,
    answered({ operation, status }, seconds) {
      calls.observe({ operation }, seconds);
      answers.inc({ operation, status });
    },
    appended: (outcome, seconds) => appends.observe({ outcome }, seconds),
    placements: observePlacements((seconds) => placements.observe(seconds)),
  };
}
