/** Settles an agent's inventory: what is alive on its host against what the broker believes. Differences become facts. */
import type { Origin } from '../facts.ts';
import { type ServerId, type SessionId, sessionId } from '../ids.ts';
import type { FoundSession, Greeting, Order } from '../ports/agent-link.ts';
import type { Belief, Beliefs } from '../ports/beliefs.ts';
import type { Servers } from '../server/actor.ts';
import type { Sessions } from '../session/actor.ts';
import { closeOrder } from '../session/orders.ts';
import { permissionsOrder } from './dispatching.ts';
import { count, release } from './releasing.ts';

export interface InventoryPorts {
  readonly sessions: Sessions;
  readonly servers: Servers;
  readonly beliefs: Beliefs;
}

/** What the broker knows about the greeting server before it looks at the inventory. */
interface Settling {
  readonly ports: InventoryPorts;
  readonly serverId: ServerId;
  readonly origin: Origin;
}

/** Resolves, when all differences are recorded, with the orders that put the host right. */
export async function settleInventory(
  ports: InventoryPorts,
  { serverId, healthy, sessions: found, inProgress }: Greeting,
  slots: readonly string[],
  origin: Origin,
): Promise<readonly Order[]> {
  const settling: Settling = { ports, serverId, origin };
  const believed = new Map((await ports.beliefs.sessionsOn(serverId)).map((belief) => [belief.sessionId, belief]));
  const orders: Order[] = [];
  const present = new Set<string>(inProgress);
  const isCounted = new Set(slots);
  for (const session of found) {
    const belief = believed.get(session.sessionId) ?? believed.get(longerId(session.localId, serverId));
    const { id, order } = await settleFound(settling, session, belief && { ...belief, isCounted: isCounted.has(belief.sessionId) });
    present.add(id);
    if (order !== undefined) orders.push(order);
  }
  // A DCV server that does not answer cannot tell what is gone; its agent greets again when it does.
  for (const id of healthy ? new Set([...believed.keys(), ...slots]) : []) {
    if (!present.has(id)) await settleMissing(settling, sessionId(id));
  }
  return orders;
}

type Found = { readonly id: SessionId; readonly order?: Order | undefined };

async function settleFound(settling: Settling, found: FoundSession, belief: Known | undefined): Promise<Found> {
  const { ports, serverId, origin } = settling;
  const isWanted = belief !== undefined && belief.state !== 'DELETING' && isSame(belief, found);
  if (!isWanted || belief.state === 'CREATING' || !belief.isCounted) {
    const known = belief === undefined ? found : { ...found, sessionId: belief.sessionId };
    const { alive, order } = await welcomeFound(ports, serverId, known, origin);
    if (!isWanted || order !== undefined) return { id: alive, order };
  }
  return { id: belief.sessionId, order: await refresh(settling, found, belief) };
}

/** The same attempt, and of sessions made by hand not just the same name. */
const isSame = ({ attempt, creationTime }: Belief, found: FoundSession): boolean =>
  attempt === found.attempt && (attempt > 0 || creationTime === found.creationTime);

/** A session that should be here, and whether it has its slot. */
interface Known extends Belief {
  readonly isCounted: boolean;
}

/**
 * Records that a session is alive on this host: started, if that was awaited; adopted, if nobody knew. What should not be there gets the
 * order that closes it. A session made by hand whose local id is that of another one elsewhere goes by a longer id.
 */
export async function welcomeFound(
  { sessions, servers }: Pick<InventoryPorts, 'sessions' | 'servers'>,
  serverId: ServerId,
  found: FoundSession,
  origin: Origin,
): Promise<{ readonly alive: SessionId; readonly order?: Order | undefined }> {
  const longer = longerId(found.localId, serverId);
  const names = found.attempt === 0 && found.sessionId !== longer ? [found.sessionId, longer] : [found.sessionId];
  for (const id of names) {
    const outcome = await sessions.execute(id, { type: 'report-found', serverId, found }, origin);
    if ('rejected' in outcome && outcome.rejected.code === 'SESSION_UNWANTED') break;
    if ('rejected' in outcome) continue;
    await servers.execute(serverId, count(id, found.spec), origin);
    return { alive: id };
  }
  return { alive: found.sessionId, order: closeOrder(found.sessionId, found.localId, found.attempt) };
}

/** The id of a session made by hand on a host, where its local id is taken by a session elsewhere (`console` usually is). */
export function longerId(localId: string, serverId: ServerId): SessionId {
  const suffix = serverId.replace(/[^A-Za-z0-9]/g, '').slice(-12);
  return sessionId(`${localId.slice(0, 80)}.${suffix}`);
}

/** Alive as believed; what changed while nobody listened is caught up with. */
async function refresh({ ports, serverId, origin }: Settling, found: FoundSession, belief: Belief): Promise<Order | undefined> {
  const { sessionId: id } = belief;
  const { connections: count, lastDisconnectionTime } = found;
  if (count !== belief.connections || lastDisconnectionTime !== belief.lastDisconnectionTime) {
    await ports.sessions.execute(id, { type: 'report-connections', serverId, count, lastDisconnectionTime }, origin);
  }
  if (belief.permissionsFile === undefined || found.spec.permissionsFile === belief.permissionsFile) return undefined;
  return permissionsOrder(id, (await ports.sessions.look(id)).context, origin.requestId);
}

/** Not alive and not being made: over, if it was; its slot is free unless its creation is still to come. */
async function settleMissing({ ports, serverId, origin }: Settling, id: SessionId): Promise<void> {
  const reason = 'The session is no more on its host.';
  const outcome = await ports.sessions.execute(id, { type: 'report-ended', serverId, reason }, origin);
  const { value } = outcome.snapshot;
  // Whoever is being placed may have its slot already; if it is placed elsewhere after all, the slot is given back without us.
  const isStillToCome = value === 'placing' || (value === 'placed' && !('rejected' in outcome));
  if (!isStillToCome) await ports.servers.execute(serverId, release(id), origin);
}
