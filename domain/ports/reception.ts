/** The port through which agents are heard: what the broker does with what they say. */
import type { ClientId, ServerId } from '../ids.ts';
import type { Greeting, Report, Telemetry } from './agent-link.ts';

/** What the broker does with what agents say. Every promise resolves when what was said is in the log. */
export interface Reception {
  /** A (new) connection: settles differences between the inventory and what the broker believes. Rejected: a sentence (e.g. the server id belongs to another agent client). */
  greeted(greeting: Greeting, clientId: ClientId): Promise<{ readonly welcome: true } | { readonly rejected: string }>;
  /** The order stream is open: outstanding orders are to be handed out now (through AgentLink.send). */
  connected(serverId: ServerId): void;
  /** Handles reports in order; resolves with the ids that are safely recorded (or can never be: nonsense is acknowledged too and logged). */
  reported(serverId: ServerId, reports: readonly Report[]): Promise<readonly string[]>;
  telemetry(serverId: ServerId, telemetry: Telemetry): void;
  /** The connection is gone: socket closed, or silent for too long. `reason` for people. */
  lost(serverId: ServerId, reason: string): void;
}
