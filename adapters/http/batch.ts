/** Batches with partial success: each item is read, those in order are carried out together, and every outcome returns to its item. */
import type { Rejection } from '../../domain/decision.ts';
import type { Result } from '../application.ts';

export interface BatchSteps<Item, Command, Done> {
  /** One item as a command, or what is wrong with it. */
  readonly read: (item: Item, index: number) => Result<Command>;
  /** Answers in the order of the commands. */
  readonly execute: (commands: readonly Command[]) => Promise<readonly Result<Done>[]>;
  readonly succeeded: (done: Done, item: Item) => object;
  readonly failed: (item: Item, rejection: Rejection) => object;
  /** Told of each item that was turned down. */
  readonly refused: (item: Item, rejection: Rejection) => void;
}

export interface BatchAnswer {
  readonly SuccessfulList: readonly object[];
  readonly UnsuccessfulList: readonly object[];
}

/** Both lists keep the order of the items. */
export async function runBatch<Item, Command, Done>(items: readonly Item[], steps: BatchSteps<Item, Command, Done>): Promise<BatchAnswer> {
  const readings = items.map((item, index) => ({ item, reading: steps.read(item, index) }));
  const commands = readings.flatMap(({ reading }) => ('done' in reading ? [reading.done] : []));
  const results = commands.length === 0 ? [] : await steps.execute(commands);
  const remaining = results.values();
  const answer = { SuccessfulList: [] as object[], UnsuccessfulList: [] as object[] };
  for (const { item, reading } of readings) {
    const outcome = 'rejected' in reading ? reading : nextOf(remaining);
    if ('rejected' in outcome) {
      steps.refused(item, outcome.rejected);
      answer.UnsuccessfulList.push(steps.failed(item, outcome.rejected));
    } else answer.SuccessfulList.push(steps.succeeded(outcome.done, item));
  }
  return answer;
}

function nextOf<Outcome>(outcomes: Iterator<Outcome, undefined>): Outcome {
  const step = outcomes.next();
  if (step.done) throw new Error('A batch was answered with fewer results than it had commands');
  return step.value;
}
