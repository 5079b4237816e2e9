/** What is only looked at when somebody asks: computed at each scrape from memory and along indexes, so that nothing is kept up to date for it. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';
import { unavailability } from '../../domain/server/capacity.ts';
import type { Reader } from '../../projections/database.ts';
import { countSessions } from '../../projections/session-counts.ts';
import type { Core } from '../core.ts';
import type { LimitCounters } from '../http/protection.ts';
import type { Lag } from './lag.ts';

export interface GaugeParts {
  readonly core: Pick<Core, 'fleet' | 'projected' | 'heard' | 'leads'>;
  readonly reader: Reader;
  readonly connections: { count(): number };
  readonly limits: Pick<LimitCounters, 'counts'>;
  readonly lag: Lag;
  /** The newest position known. */
  readonly known: () => number;
  readonly stands: () => boolean;
  readonly now: () => number;
}

/** The text of a scrape in the format 0.0.4 of Prometheus. */
export function createScrape(registry: Registry, parts: GaugeParts): { scrape(): Promise<string>; stop(): void } {
  const registers = [registry];
  const gauge = (name: string, help: string, ...labelNames: string[]) => new Gauge({ name, help, labelNames, registers });
  const state = gauge('berth_sessions_in_state', 'Sessions by the state in which they are described.', 'state');
  const waiting = gauge('berth_sessions_waiting', 'Sessions without a server yet.');
  const oldest = gauge('berth_sessions_waiting_oldest_seconds', 'How long the oldest of them has waited.');
  const limits = new Counter({
    name: 'berth_limits_reached_total',
    help: 'How often a limit was reached.',
    labelNames: ['limit'],
    registers,
  });
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const loop = gauge('berth_event_loop_delay_seconds', 'Delay of the event loop since the scrape before.', 'quantile');
  const simple = simpleGauges(parts, gauge);
  const fleet = fleetGauges(parts, gauge);

  return {
    async scrape() {
      const { byState, ...queue } = await countSessions(parts.reader);
      for (const [name, count] of Object.entries(byState)) state.set({ state: name }, count);
      waiting.set(queue.waiting);
      oldest.set(queue.waitingSince === undefined ? 0 : Math.max(0, parts.now() - queue.waitingSince) / 1000);
      limits.reset();
      for (const [limit, count] of Object.entries(parts.limits.counts())) limits.inc({ limit }, count);
      for (const quantile of [0.5, 0.99, 1]) loop.set({ quantile }, delay.count === 0 ? 0 : delay.percentile(quantile * 100) / 1e9);
      delay.reset();
      simple();
      fleet();
      return registry.metrics();
    },
    stop: () => delay.disable(),
  };
}

type NewGauge = (name: string, help: string, ...labelNames: string[]) => Gauge;

function simpleGauges(parts: GaugeParts, gauge: NewGauge): () => void {
  const { core, connections, lag, known, stands } = parts;
  const values: readonly (readonly [Gauge, () => number])[] = [
    [gauge('berth_memory_heap_used_bytes', 'Used heap of JavaScript.'), () => process.memoryUsage().heapUsed],
    [gauge('berth_memory_external_bytes', 'Memory outside the heap that objects hold.'), () => process.memoryUsage().external],
    [gauge('berth_memory_resident_bytes', 'Memory of the process.'), () => process.memoryUsage.rss()],
    [gauge('berth_agents_connected', 'Agents connected to this broker.'), () => connections.count()],
    [gauge('berth_leading', '1 if this broker leads.'), () => Number(core.leads())],
    [gauge('berth_log_connected', '1 if the event log can be reached.'), () => Number(stands())],
    [gauge('berth_log_position', 'The newest position of the log known here.'), known],
    [gauge('berth_projection_lag_positions', 'Positions that the read models are behind.'), () => Math.max(0, known() - core.projected())],
    [gauge('berth_projection_lag_seconds', 'How long the read models have been behind.'), () => lag.seconds()],
    [gauge('berth_subscription_lag_positions', 'Positions that the processes are behind.'), () => Math.max(0, known() - core.heard())],
  ];
  return () => {
    for (const [each, value] of values) each.set(value());
  };
}

function fleetGauges({ core }: GaugeParts, gauge: NewGauge): () => void {
  const servers = gauge('berth_servers', 'Registered DCV servers.');
  const ready = gauge('berth_servers_ready', 'DCV servers that can take a session.');
  const sessions = gauge('berth_sessions', 'Sessions that hold a slot on a server, by type.', 'type');
  return () => {
    const count = { ready: 0, console: 0, virtual: 0 };
    for (const server of core.fleet.values()) {
      if (unavailability(server) === undefined) count.ready += 1;
      count.console += server.console;
      count.virtual += server.virtual;
    }
    servers.set(core.fleet.size);
    ready.set(count.ready);
    sessions.set({ type: 'console' }, count.console);
    sessions.set({ type: 'virtual' }, count.virtual);
  };
}
