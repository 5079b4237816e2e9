/** What the host says about itself: looked at again and again, with a report for each difference. */

import type { Logger } from '../adapters/logging.ts';
import type { Telemetry } from '../domain/ports/agent-link.ts';
import type { ServerDescription } from '../domain/server/events.ts';
import type { Driver, DriverSession } from './drivers/driver.ts';
import type { Outbox } from './outbox.ts';
import { messageOf } from './thrown.ts';

/** The part of a greeting that is about the host itself. */
export interface HostState {
  readonly description: ServerDescription;
  readonly loggedInUsers: readonly string[];
  readonly telemetry: Telemetry;
  readonly healthy: boolean;
  readonly healthReason?: string | undefined;
}

export interface Host {
  /** The live sessions, or undefined when the DCV server does not answer, which is reported. Never rejects. */
  look(): Promise<readonly DriverSession[] | undefined>;
  /** As last seen. Throws while the host could not be looked at even once. */
  state(): HostState;
}

interface Deps {
  readonly driver: Driver;
  readonly outbox: Outbox;
  readonly log: Logger;
  /** What the host says, completed by what the configuration says. */
  describe(): Promise<ServerDescription>;
}

/** The wire takes no longer ones. */
const REASON_LENGTH = 4000;

export function createHost({ driver, outbox, log, describe }: Deps): Host {
  let last: HostState | undefined;
  /** Why the first looks failed. */
  let obstacle = 'it was not looked at yet';

  async function facts(): Promise<Omit<HostState, 'healthy' | 'healthReason'>> {
    const [description, loggedInUsers, telemetry] = await Promise.all([describe(), driver.loggedInUsers(), driver.telemetry()]);
    return { description, loggedInUsers, telemetry };
  }

  /** How things stood at the first look is told by the greeting; from then on it is news. */
  async function compare(before: HostState, now: HostState): Promise<void> {
    const { healthy, healthReason: reason, description, loggedInUsers: users } = now;
    if (before.healthy !== healthy || before.healthReason !== reason) {
      log.warn({ healthy, reason }, 'the health of the DCV server has changed');
      await outbox.put({ kind: 'health-changed', healthy, reason });
    }
    if (!same(before.description, description)) await outbox.put({ kind: 'server-described', description });
    if (!same(before.loggedInUsers, users)) await outbox.put({ kind: 'logged-in-users-changed', users });
  }

  return {
    async look() {
      const [seen, sessions] = await Promise.allSettled([facts(), driver.list()]);
      const failed = [seen, sessions].find((result) => result.status === 'rejected');
      const healthReason = failed && messageOf(failed.reason).slice(0, REASON_LENGTH);
      const known = seen.status === 'fulfilled' ? seen.value : last;
      if (known === undefined) {
        obstacle = String(healthReason);
        return undefined;
      }
      const now: HostState = { ...known, healthy: failed === undefined, healthReason };
      const before = last ?? now;
      last = now;
      await compare(before, now);
      return failed === undefined && sessions.status === 'fulfilled' ? sessions.value : undefined;
    },
    state() {
      if (last === undefined) throw new Error(`The host cannot be described: ${obstacle}`);
      return last;
    },
  };
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
