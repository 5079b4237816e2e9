/** One look at the host and its sessions at a time. Calls that come during a look share the one that follows it. */

import type { Host } from './host.ts';
import type { Inventory } from './inventory.ts';

/** Resolves when a look that began after the call is over and its reports are kept. Never rejects. */
export type Survey = () => Promise<void>;

export function createSurvey(host: Host, inventory: Inventory): Survey {
  let current: Promise<void> | undefined;
  let following: Promise<void> | undefined;

  async function look(): Promise<void> {
    const began = inventory.beforeLook();
    const sessions = await host.look();
    if (sessions !== undefined) await inventory.seen(sessions, began);
    current = undefined;
  }

  async function lookAfter(before: Promise<void> | undefined): Promise<void> {
    await before;
    following = undefined;
    current = look();
    await current;
  }

  return async () => {
    if (current === undefined && following === undefined) {
      current = look();
      return current;
    }
    following ??= lookAfter(current);
    return following;
  };
}
