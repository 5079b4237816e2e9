/** What a running broker can be asked about itself: whether it is ready, and its figures. */
import type { Clock } from '../../domain/ports/clock.ts';
import type { LimitCounters } from '../http/protection.ts';
import type { NotReady } from '../http/ready.ts';
import { createScrape, type GaugeParts } from './gauges.ts';
import { startLag } from './lag.ts';
import type { Metrics } from './metrics.ts';

export interface Observed extends Omit<GaugeParts, 'limits' | 'lag' | 'now'> {
  readonly clock: Clock;
  readonly stopping: AbortSignal;
  /** Whether it has told the others that it serves. */
  readonly isJoined: () => boolean;
}

export interface Observing {
  notReady(): readonly NotReady[];
  scrapeOf(limits: Pick<LimitCounters, 'counts'>): () => Promise<string>;
}

/** As long as calls wait for the read models: with these further behind, calls fail. */
const FAR_BEHIND_SECONDS = 10;

export function observe(observed: Observed, { registry }: Metrics, onStop: (close: () => Promise<unknown>) => void): Observing {
  const { clock, core, known, stands, stopping, isJoined } = observed;
  const lag = startLag({ clock, known, reached: core.projected });
  onStop(async () => lag.stop());
  return {
    notReady() {
      const reasons: readonly (readonly [NotReady, boolean])[] = [
        ['starting', !isJoined()],
        ['log', !stands()],
        ['read-models', lag.seconds() > FAR_BEHIND_SECONDS],
        ['stopping', stopping.aborted],
      ];
      return reasons.filter(([, holds]) => holds).map(([reason]) => reason);
    },
    scrapeOf(limits) {
      const { scrape, stop } = createScrape(registry, { ...observed, limits, lag, now: clock.now });
      onStop(async () => stop());
      return scrape;
    },
  };
}
