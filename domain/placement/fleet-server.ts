/** One server as the index of the fleet keeps it: all that decides where a session goes. */
import type { BrokerId, ServerId, SessionId } from '../ids.ts';
import type { Telemetry } from '../ports/agent-link.ts';
import type { Conditions, Occupancy, SlotWish } from '../server/capacity.ts';
import type { ServerDescription } from '../server/events.ts';

/** A server in the index. Read it and let it go: it changes with the next fact. */
export interface FleetServer extends Readonly<Conditions>, Readonly<Occupancy> {
  readonly id: ServerId;
  /** A small number of its own, used again after it is removed. */
  readonly number: number;
  /** The broker that its agent is, or was last, connected to; null where the facts do not say. */
  readonly broker: BrokerId | null;
  /** Absent until a description has come. */
  readonly description: ServerDescription | undefined;
  /** Absent until its agent has reported. */
  readonly telemetry: Telemetry | undefined;
  /** Taken according to the facts. */
  readonly slots: ReadonlyMap<SessionId, SlotWish>;
  /** Asked for by this broker, with the fact still to come. They count like slots. */
  readonly asked: ReadonlyMap<SessionId, SlotWish>;
}
