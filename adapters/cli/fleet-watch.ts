/** Waiting until the servers that were started are there, as the API tells it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ListedServer } from './api.ts';

export interface FleetWatch {
  /** May reject while the broker is busy or gone; that counts as no servers yet. */
  describeServers(): Promise<readonly ListedServer[]>;
  readonly wanted: number;
  readonly patienceMs: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

export interface FleetState {
  readonly servers: readonly ListedServer[];
  /** Servers whose agents the broker hears. They may be full: the sessions of the run before live on. */
  readonly reached: number;
}

const POLL_MS = 200;

/** Resolves as soon as `wanted` servers are reached, and with what there is when that takes too long. */
export async function awaitFleet({ describeServers, wanted, patienceMs, signal }: FleetWatch): Promise<FleetState> {
  const givingUpAt = performance.now() + patienceMs;
  for (;;) {
    const servers = await describeServers().catch(() => []);
    const reached = servers.filter(({ UnavailabilityReason }) => UnavailabilityReason !== 'UNREACHABLE_AGENT').length;
    if (reached >= wanted || signal.aborted || performance.now() > givingUpAt) return { servers, reached };
    await sleep(POLL_MS);
  }
}
