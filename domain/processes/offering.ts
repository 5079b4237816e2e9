/**
 * Offers room to those who wait, in small steps. On each visit one of each group is asked for first; the groups that are in question are
 * chosen; then whoever has waited longest in them is served, until there is no room or nobody left.
 */
import type { Queue } from '../placement/queue.ts';
import type { Job } from './job.ts';
import type { Visit, Visits } from './visits.ts';

export interface OfferingPorts {
  readonly queue: Queue<Job>;
  readonly visits: Visits;
  /** Takes it out of the queue, for the time being or for good. */
  serve(job: Job): void;
}

export interface Offering {
  /** Does one thing and says what it cost; 0: there is nothing to do. */
  step(): number;
}

export function createOffering({ queue, visits, serve }: OfferingPorts): Offering {
  let visit: Visit | undefined;
  /** While groups are being chosen. */
  let walk: Iterator<Job, undefined> | undefined;

  function begin(): number {
    visit = visits.next();
    walk = visit && queue.heads(visit.sections);
    return visit === undefined ? 0 : 1;
  }

  function end(): void {
    visit = undefined;
    walk = undefined;
    queue.chooseNone();
  }

  function choose({ answerTo }: Visit, heads: Iterator<Job, undefined>): void {
    const head = heads.next().value;
    if (head === undefined) {
      walk = undefined;
      return;
    }
    const answer = answerTo(head);
    if (answer === 'over') end();
    else if (answer !== 'group') queue.choose(head.group);
  }

  function serveNext({ answerTo }: Visit): void {
    const head = queue.first();
    const answer = head === undefined ? 'over' : answerTo(head);
    if (head === undefined || answer === 'over') end();
    else if (answer === 'yes') serve(head);
    else queue.passOver(head.kind);
  }

  return {
    step() {
      if (visit === undefined) return queue.countAgain() ? 1 : begin();
      const { cost } = visit;
      if (walk !== undefined) choose(visit, walk);
      else serveNext(visit);
      return cost;
    },
  };
}
