/** Orders for screenshots: they change nothing, so they neither wait for other orders nor are remembered. */
import type { Order } from '../domain/ports/agent-link.ts';
import type { ScreenshotOutcome } from './broker-link.ts';
import type { Driver } from './drivers/driver.ts';
import { messageOf } from './thrown.ts';

export type PictureOrder = Extract<Order, { kind: 'take-screenshot' }>;

/** Taken at the same time; each costs a real host a moment of its processor. */
const AT_ONCE = 2;
const WAITING = 32;

/** Takes pictures, a few at a time, and hands each outcome to `deliver`, which must not throw. */
export function createPictures(
  driver: Driver,
  deliver: (orderId: string, outcome: ScreenshotOutcome) => void,
): (order: PictureOrder) => void {
  const waiting: PictureOrder[] = [];
  let running = 0;

  async function take(order: PictureOrder): Promise<void> {
    running += 1;
    deliver(order.orderId, await outcomeOf(order));
    running -= 1;
    const next = waiting.shift();
    if (next !== undefined) void take(next);
  }

  async function outcomeOf(order: PictureOrder): Promise<ScreenshotOutcome> {
    try {
      const outcome = await driver.screenshot(order.localId, order);
      return 'failed' in outcome ? { reason: outcome.failed } : outcome;
    } catch (error) {
      return { reason: messageOf(error) };
    }
  }

  return (order) => {
    if (running < AT_ONCE) void take(order);
    else if (waiting.length < WAITING) waiting.push(order);
    else deliver(order.orderId, { reason: 'The host is busy with other screenshots' });
  };
}
