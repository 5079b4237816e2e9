/** Hears agents: what they say becomes commands to the actors, and the answer is given when the facts are in the log. */
import type { Origin } from '../facts.ts';
import { type BrokerId, type ClientId, requestId, type ServerId } from '../ids.ts';
import type { Fleet } from '../placement/fleet.ts';
import type { AgentLink, Greeting, Order, Report } from '../ports/agent-link.ts';
import type { Clock, Random, Timer } from '../ports/clock.ts';
import type { Reception } from '../ports/reception.ts';
import type { ServerCommand } from '../server/commands.ts';
import type { SessionCommand } from '../session/commands.ts';
import { closeOrder, orderFor } from '../session/orders.ts';
import type { Dispatching } from './dispatching.ts';
import type { Effects } from './effects.ts';
import { type InventoryPorts, longerId, settleInventory, welcomeFound } from './inventory.ts';

export interface ReceptionPorts extends InventoryPorts {
  readonly fleet: Fleet;
  readonly link: AgentLink;
  readonly dispatching: Dispatching;
  readonly effects: Effects;
  readonly clock: Clock;
  readonly random: Random;
  readonly self: BrokerId;
}

export interface ReceptionLimits {
  /** Placements of one session in all, the first included; at least 1. */
  readonly maxAttempts: number;
  /** How long a server that was reachable before this broker started may take to connect. */
  readonly returnMs: number;
}

export interface StartedReception extends Reception {
  /** Servers that the log says are reachable: those that do not connect in time are lost. */
  expect(serverIds: readonly ServerId[]): void;
  stop(): void;
}

/** Servers that are recorded as lost at the same time, where many are. */
const LOST_AT_ONCE = 100;

export function createReception(ports: ReceptionPorts, limits: ReceptionLimits): StartedReception {
  const { servers, effects, link } = ports;
  const connected = new Set<ServerId>();
  /** Greetings that are being recorded. */
  const arriving = new Map<ServerId, Promise<unknown>>();
  const corrections = new Map<ServerId, readonly Order[]>();
  let patience: Timer | undefined;

  async function greeted(greeting: Greeting, clientId: ClientId): ReturnType<Reception['greeted']> {
    const { serverId, description, healthy, healthReason, loggedInUsers } = greeting;
    const origin = originOf(ports.random, serverId);
    const command = { type: 'greet', broker: ports.self, clientId, description, healthy, healthReason, loggedInUsers } as const;
    const outcome = await arrive(serverId, servers.execute(serverId, command, origin));
    if ('rejected' in outcome) return { rejected: outcome.rejected.reason };
    ports.dispatching.arriving(serverId);
    const counted = outcome.snapshot.context.slots.map(({ sessionId }) => sessionId);
    const orders = await settleInventory(ports, greeting, counted, origin);
    corrections.set(serverId, orders);
    ports.fleet.telemetry(serverId, greeting.telemetry);
    return { welcome: true };
  }

  async function arrive<O extends object>(serverId: ServerId, recording: Promise<O>): Promise<O> {
    const arrival = recording.then((outcome) => {
      if (!('rejected' in outcome)) connected.add(serverId);
      return outcome;
    });
    arriving.set(serverId, arrival);
    try {
      return await arrival;
    } finally {
      if (arriving.get(serverId) === arrival) arriving.delete(serverId);
    }
  }

  function lost(serverId: ServerId, reason: string): void {
    connected.delete(serverId);
    ports.dispatching.lost(serverId);
    effects.run(`recording that server ${serverId} is lost`, () => lose(serverId, reason));
  }

  /** Recorded behind a greeting it would hold although the agent is there. */
  async function lose(serverId: ServerId, reason: string): Promise<void> {
    while (arriving.has(serverId)) await arriving.get(serverId)?.catch(() => undefined);
    if (!connected.has(serverId))
      await servers.execute(serverId, { type: 'lose', broker: ports.self, reason }, originOf(ports.random, serverId));
  }

  /** A few at a time: a whole fleet of actors at work would fill the memory, and the queue of the log. */
  async function loseMissing(serverIds: readonly ServerId[]): Promise<void> {
    for (let first = 0; first < serverIds.length; first += LOST_AT_ONCE) {
      const some = serverIds.slice(first, first + LOST_AT_ONCE);
      await Promise.all(some.map((serverId) => lose(serverId, 'Its agent did not come back after the broker was started.')));
    }
  }

  return {
    greeted,
    connected(serverId) {
      for (const order of corrections.get(serverId) ?? []) link.send(serverId, order);
      corrections.delete(serverId);
      ports.dispatching.connected(serverId);
    },
    reported: (serverId, reports) => Promise.all(reports.map((report) => hear(ports, limits, serverId, report))),
    telemetry: (serverId, telemetry) => ports.fleet.telemetry(serverId, telemetry),
    lost,
    expect(serverIds) {
      patience = ports.clock.after(limits.returnMs, () => effects.run('recording which servers are missing', () => loseMissing(serverIds)));
    },
    stop: () => patience?.cancel(),
  };
}

/** Facts that an agent reports are its own, each under a request id of its own. */
const originOf = (random: Random, serverId: ServerId): Origin => ({
  cause: { kind: 'agent', id: serverId },
  requestId: requestId(random.uuid()),
});

/** One report, and who made it. */
interface Heard<R extends Report = Report> {
  readonly serverId: ServerId;
  readonly report: R;
  readonly origin: Origin;
}

type HeardOf<K extends Report['kind']> = Heard<Extract<Report, { kind: K }>>;

/** Nonsense is acknowledged as well: it would be no better the next time. */
async function hear(ports: ReceptionPorts, limits: ReceptionLimits, serverId: ServerId, report: Report): Promise<string> {
  const origin = { cause: { kind: 'agent', id: serverId }, requestId: requestId(report.reportId) } as const;
  switch (report.kind) {
    case 'session-started':
      await started(ports, { serverId, report, origin });
      break;
    case 'session-failed': {
      const { attempt, reason, sessionId } = report;
      const { maxAttempts } = limits;
      await ports.sessions.execute(sessionId, { type: 'report-failed', serverId, attempt, reason, maxAttempts }, origin);
      break;
    }
    case 'session-ended':
    case 'connections-changed':
      await tell(ports, { serverId, report, origin });
      break;
    case 'session-found': {
      const { order } = await welcomeFound(ports, serverId, report.session, origin);
      if (order !== undefined) ports.link.send(serverId, order);
      break;
    }
    case 'server-described':
    case 'health-changed':
    case 'logged-in-users-changed':
      await ports.servers.execute(serverId, serverCommand(report), origin);
  }
  return report.reportId;
}

/** What started after all although it is not wanted any more, or wanted elsewhere, is closed. */
async function started({ sessions, link }: ReceptionPorts, { serverId, report, origin }: HeardOf<'session-started'>): Promise<void> {
  const { sessionId, attempt } = report;
  const outcome = await sessions.execute(sessionId, { type: 'report-started', serverId, attempt }, origin);
  const order = 'rejected' in outcome ? closeOrder(sessionId, null, attempt) : orderFor(sessionId, outcome.snapshot);
  if (order !== undefined) link.send(serverId, order);
}

/** A session made by hand may go by its longer id with us. */
async function tell({ sessions }: ReceptionPorts, heard: HeardOf<'session-ended' | 'connections-changed'>): Promise<void> {
  const { serverId, report, origin } = heard;
  const command = sessionCommand(serverId, report);
  const outcome = await sessions.execute(report.sessionId, command, origin);
  const isAnother = 'rejected' in outcome || (outcome.snapshot.value === 'deleted' && outcome.facts.length === 0);
  if (isAnother) await sessions.execute(longerId(report.sessionId, serverId), command, origin);
}

function sessionCommand(serverId: ServerId, report: HeardOf<'session-ended' | 'connections-changed'>['report']): SessionCommand {
  if (report.kind === 'session-ended') {
    const { reason, creationTime } = report;
    return { type: 'report-ended', serverId, reason, creationTime };
  }
  const { count, lastDisconnectionTime } = report;
  return { type: 'report-connections', serverId, count, lastDisconnectionTime };
}

function serverCommand(report: HeardOf<'server-described' | 'health-changed' | 'logged-in-users-changed'>['report']): ServerCommand {
  switch (report.kind) {
    case 'server-described':
      return { type: 'describe', description: report.description };
    case 'health-changed':
      return { type: 'change-health', healthy: report.healthy, reason: report.reason };
    case 'logged-in-users-changed':
      return { type: 'change-logged-in-users', users: report.users };
  }
}
