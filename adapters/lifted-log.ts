/**
 * A log as the machines and projections see it: every fact in the newest shape of its type, whatever it was when it was stored. It stands above
 * whatever looks after what is stored (chain, archive), so that those see what was written.
 */
import type { LogReader } from '../domain/ports/event-log.ts';
import { lift } from '../domain/shapes.ts';

/** A read that meets a fact of a newer Berth throws StrangeFactError; a subscription ends with it, before the batch that holds the fact. */
export function liftedLog<L extends LogReader>(log: L): L {
  return {
    ...log,
    readStream: async (stream, fromRevision, limit) => (await log.readStream(stream, fromRevision, limit)).map(lift),
    readAll: async (after, limit) => (await log.readAll(after, limit)).map(lift),
    subscribe: (after, deliver, failed) => log.subscribe(after, async (facts) => deliver(facts.map(lift)), failed),
  };
}
