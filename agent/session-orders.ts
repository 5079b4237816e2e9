/** Carrying out one order that changes a session. Each can come twice, before or after a crash, and has its effect once. */

import type { Logger } from '../adapters/logging.ts';
import type { Order } from '../domain/ports/agent-link.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { Driver, Outcome } from './drivers/driver.ts';
import type { Inventory } from './inventory.ts';
import type { Entry, Journal } from './journal.ts';
import type { News, Outbox } from './outbox.ts';
import { type Folders, sessionFiles } from './session-files.ts';
import { messageOf } from './thrown.ts';

export type CreateOrder = Extract<Order, { kind: 'create-session' }>;
export type CloseOrder = Extract<Order, { kind: 'close-session' }>;
export type PermissionsOrder = Extract<Order, { kind: 'set-permissions' }>;
export type SessionOrder = CreateOrder | CloseOrder | PermissionsOrder;

export interface SessionOrderDeps {
  readonly driver: Driver;
  readonly journal: Journal;
  readonly inventory: Inventory;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Logger;
  readonly folders: Folders;
}

/** A DCV server that is busy refuses to close now and then. */
const CLOSE_TRIES = 3;
const CLOSE_PAUSE_MS = 1000;
/** The wire takes no longer ones. */
const REASON_LENGTH = 4000;

/**
 * Resolves when the order's outcome is kept for the broker, or it is logged why there is none. `later`: what it asks for is still to be done.
 * Never rejects.
 */
export async function carryOut(order: SessionOrder, deps: SessionOrderDeps): Promise<'over' | 'later'> {
  try {
    if (order.kind === 'close-session') return await close(order, deps);
    await (order.kind === 'create-session' ? create(order, deps) : setPermissions(order, deps));
    return 'over';
  } catch (error) {
    deps.log.error({ orderId: order.orderId, error: messageOf(error) }, 'an order could not be carried out');
    return 'later';
  }
}

async function create(order: CreateOrder, deps: SessionOrderDeps): Promise<void> {
  const { journal, outbox, inventory, log } = deps;
  const earlier = journal.find(order.sessionId);
  if (earlier !== undefined && earlier.attempt > order.attempt) {
    log.warn({ orderId: order.orderId, attempt: earlier.attempt }, 'an order is older than what was done already');
    return;
  }
  if (earlier?.attempt === order.attempt && earlier.phase !== 'begun') return outbox.putAgain(outcomeOf(earlier));

  const release = inventory.hold(order.sessionId);
  const { permissionsFile: _, ...spec } = order.spec;
  const begun: Entry = { sessionId: order.sessionId, attempt: order.attempt, phase: 'begun', spec, creationTime: deps.clock.now() };
  const outcome = await make(order, begun, deps);
  const entry: Entry = 'done' in outcome ? { ...begun, phase: 'started' } : { ...begun, phase: 'failed', reason: clipped(outcome.failed) };
  release('done' in outcome ? entry : 'gone');
  await journal.note(entry);
  await outbox.put(outcomeOf(entry));
}

async function make(order: CreateOrder, begun: Entry, deps: SessionOrderDeps): Promise<Outcome> {
  const { driver, journal, folders } = deps;
  const files = sessionFiles(order.spec, folders);
  if ('failed' in files) return files;
  try {
    const repeated = journal.find(order.sessionId) !== undefined;
    await journal.write(begun);
    const isThere = async () => repeated && (await driver.list()).some(({ localId }) => localId === order.sessionId);
    if (await isThere()) return await adjust(order, driver);
    const outcome = await driver.create({ localId: order.sessionId, spec: order.spec, ...files });
    // The former agent may have been killed while the DCV server was at it, and then it is done only now.
    return 'failed' in outcome && (await isThere()) ? await adjust(order, driver) : outcome;
  } catch (error) {
    // Whether it was made is unknown: the broker is told that it was not, so it must not be there.
    await driver.close(order.sessionId).catch(() => undefined);
    return { failed: messageOf(error) };
  }
}

/** It was made for an earlier order, and its permissions may have changed since. */
async function adjust({ sessionId, spec: { permissionsFile } }: CreateOrder, driver: Driver): Promise<Outcome> {
  return permissionsFile === undefined ? { done: true } : driver.setPermissions(sessionId, permissionsFile);
}

async function close(order: CloseOrder, deps: SessionOrderDeps): Promise<'over' | 'later'> {
  const { journal, outbox, inventory, log } = deps;
  const made = inventory.sessions().find(({ localId, attempt }) => localId === order.localId && attempt === 0);
  const release = inventory.hold(order.localId);
  const outcome = await closeWithPatience(order.localId, deps);
  if ('failed' in outcome) {
    release('as it was');
    log.error({ orderId: order.orderId, reason: outcome.failed }, 'a session could not be closed');
    return 'later';
  }
  release('gone');
  const reason = 'Closed on request';
  const entry = journal.find(order.sessionId);
  if (entry?.phase === 'begun' || entry?.phase === 'started') await journal.note({ ...entry, phase: 'ended', reason });
  await outbox.putAgain({ kind: 'session-ended', sessionId: order.sessionId, reason, ...(made && { creationTime: made.creationTime }) });
  return 'over';
}

async function closeWithPatience(localId: string, { driver, clock }: SessionOrderDeps): Promise<Outcome> {
  const attemptClose = (): Promise<Outcome> => driver.close(localId).catch((error) => ({ failed: messageOf(error) }));
  let outcome = await attemptClose();
  for (let tries = 1; tries < CLOSE_TRIES && 'failed' in outcome; tries += 1) {
    await new Promise<void>((resolve) => clock.after(CLOSE_PAUSE_MS, resolve));
    outcome = await attemptClose();
  }
  return outcome;
}

/** Setting the same permissions once more changes nothing, so this needs no memory. */
async function setPermissions(order: PermissionsOrder, { driver, log }: SessionOrderDeps): Promise<void> {
  const outcome = await driver.setPermissions(order.localId, order.permissionsFile);
  if ('failed' in outcome) log.error({ orderId: order.orderId, reason: outcome.failed }, 'permissions could not be set');
}

function outcomeOf({ sessionId, attempt, phase, reason = '' }: Entry): News {
  if (phase === 'failed') return { kind: 'session-failed', sessionId, attempt, reason };
  if (phase === 'ended') return { kind: 'session-ended', sessionId, reason };
  return { kind: 'session-started', sessionId, attempt };
}

function clipped(reason: string): string {
  return reason.slice(0, REASON_LENGTH);
}
