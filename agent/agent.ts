/** The agent without its surroundings: everything it does between a driver, a link to the broker, two record logs and a clock. */

import type { Logger } from '../adapters/logging.ts';
import type { ServerId } from '../domain/ids.ts';
import type { Clock, Random, Timer } from '../domain/ports/clock.ts';
import type { ServerDescription } from '../domain/server/events.ts';
import type { BrokerLink } from './broker-link.ts';
import type { Driver } from './drivers/driver.ts';
import type { FolderWatch } from './folder-watch.ts';
import { createHost } from './host.ts';
import { createInventory } from './inventory.ts';
import { openJournal } from './journal.ts';
import { createLifeline } from './lifeline.ts';
import { createOrders } from './orders.ts';
import { openOutbox } from './outbox.ts';
import type { Folders } from './session-files.ts';
import type { RecordLog } from './storage.ts';
import { createSurvey } from './survey.ts';

export interface AgentDeps {
  readonly serverId: ServerId;
  /** Of this process; absent: the broker does not tell it from another of the same id. */
  readonly run?: string | undefined;
  readonly link: BrokerLink;
  readonly driver: Driver;
  /** What the driver says of the host, completed by what the configuration says. Asked at every look. */
  describe(): Promise<ServerDescription>;
  /** Tells when files that the description depends on may have changed. */
  watchFiles?(changed: () => void): FolderWatch;
  readonly outbox: RecordLog;
  readonly journal: RecordLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly settings: AgentSettings;
}

export interface AgentSettings {
  readonly folders: Folders;
  /** Between two looks at the host when nothing seems to happen, and between two reports of telemetry. */
  readonly updateIntervalMs: number;
  /** Facts in the outbox beyond which no new work is taken. */
  readonly outboxLimit: number;
}

export interface Agent {
  /** Whether a broker has welcomed it. */
  connected(): boolean;
  /** Waits for orders under way, hangs up and lets go of the logs and the link. Sessions live on. */
  stop(): Promise<void>;
}

/** Reads what a former run left, has a first look at the host and starts to connect. Rejects when the logs cannot be read. */
export async function startAgent(deps: AgentDeps): Promise<Agent> {
  const { driver, link, clock, random, log, settings } = deps;
  const outbox = await openOutbox(deps.outbox, { limit: settings.outboxLimit }, { clock, random, log });
  const journal = await openJournal(deps.journal, log);
  const inventory = createInventory(journal, outbox);
  const host = createHost({ driver, outbox, log, describe: deps.describe });
  const look = createSurvey(host, inventory);
  let greetedBlind = false;

  /** While the DCV server does not answer nobody knows what is gone: a greeting from that time is given again. */
  async function survey(): Promise<void> {
    await look();
    if (!greetedBlind || !host.state().healthy) return;
    greetedBlind = false;
    lifeline.greetAgain();
  }

  const orders = createOrders({
    driver,
    journal,
    inventory,
    outbox,
    clock,
    log,
    folders: settings.folders,
    deliver: (orderId, outcome) => lifeline.deliver(orderId, outcome),
  });
  const lifeline = createLifeline({
    link,
    outbox,
    clock,
    random,
    log,
    async greeting() {
      await look();
      const state = host.state();
      greetedBlind = !state.healthy;
      const sessions = inventory.sessions();
      const alive = new Set(sessions.map((session) => session.sessionId));
      // What waits in the outbox settles its session better than its absence from this list would.
      const unsettled = new Set([...orders.inProgress(), ...outbox.sessions()]);
      return { serverId: deps.serverId, run: deps.run, ...state, sessions, inProgress: [...unsettled].filter((id) => !alive.has(id)) };
    },
    order: (order) => orders.accept(order),
    acknowledged: () => orders.resume(),
  });
  outbox.watch(() => lifeline.wake());

  async function update(): Promise<void> {
    await survey();
    if (lifeline.connected()) lifeline.telemetry(host.state().telemetry);
  }

  const files = deps.watchFiles?.(() => void update());
  const updates = everyInterval(clock, settings.updateIntervalMs, () => {
    files?.renew();
    return update();
  });
  driver.watch(() => void update());
  await look();
  lifeline.start();
  return {
    connected: () => lifeline.connected(),
    async stop() {
      driver.watch(undefined);
      files?.close();
      updates.cancel();
      await orders.stop();
      lifeline.stop();
      await look();
      await Promise.all([link.close(), deps.outbox.close(), deps.journal.close()]);
    },
  };
}

/** The next interval begins when the work of the last is done. */
function everyInterval(clock: Clock, intervalMs: number, work: () => Promise<void>): Timer {
  let timer = clock.after(intervalMs, tick);
  let cancelled = false;
  function tick(): void {
    void work().then(() => {
      if (!cancelled) timer = clock.after(intervalMs, tick);
    });
  }
  return {
    cancel() {
      cancelled = true;
      timer.cancel();
    },
  };
}
