/** Requests for pictures that wait for an agent's answer: each gets one, or a sentence, within bounded time. */
import type { ServerId } from '../../domain/ids.ts';
import type { Order, Screenshot } from '../../domain/ports/agent-link.ts';
import type { Clock } from '../../domain/ports/clock.ts';

/** What an agent says: the pictures, or why there are none. */
export type ScreenshotAnswer = { readonly images: readonly Screenshot[] } | { readonly reason: string };

type Answer = readonly Screenshot[] | { readonly rejected: string };

export interface ScreenshotDesk {
  /** `send` hands the order over, or says that it cannot. */
  ask(serverId: ServerId, order: Order, send: () => boolean): Promise<Answer>;
  answer(serverId: ServerId, orderId: string, answer: ScreenshotAnswer): void;
  /** The connection of this server is over. */
  closed(serverId: ServerId, reason: string): void;
}

interface Pending {
  readonly serverId: ServerId;
  readonly settle: (answer: Answer) => void;
}

export function createScreenshotDesk(
  clock: Clock,
  settings: { readonly screenshotMs: number; readonly maxScreenshots: number },
): ScreenshotDesk {
  const pending = new Map<string, Pending>();
  const keyOf = (serverId: ServerId, orderId: string): string => `${serverId} ${orderId}`;

  return {
    ask(serverId, { orderId }, send) {
      if (pending.size >= settings.maxScreenshots)
        return Promise.resolve({ rejected: 'Too many screenshots are being taken at the moment' });
      const key = keyOf(serverId, orderId);
      return new Promise((resolve) => {
        const settle = (answer: Answer): void => {
          pending.delete(key);
          timer.cancel();
          resolve(answer);
        };
        const timer = clock.after(settings.screenshotMs, () => settle({ rejected: 'The host did not answer in time' }));
        pending.set(key, { serverId, settle });
        if (!send()) settle({ rejected: 'The agent of the server is not connected' });
      });
    },
    answer(serverId, orderId, answer) {
      pending.get(keyOf(serverId, orderId))?.settle('images' in answer ? answer.images : { rejected: answer.reason });
    },
    closed(serverId, reason) {
      for (const waiting of [...pending.values()]) if (waiting.serverId === serverId) waiting.settle({ rejected: reason });
    },
  };
}
