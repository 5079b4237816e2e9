/** One connection while it is up: beats, hands over what waits in the outbox, and notices when the broker has gone silent. */
import { MAX_REPORTS } from '../adapters/wire/agent.ts';
import type { Telemetry } from '../domain/ports/agent-link.ts';
import type { Clock, Timer } from '../domain/ports/clock.ts';
import type { BrokerConnection } from './broker-link.ts';
import type { Outbox } from './outbox.ts';
import { messageOf } from './thrown.ts';

export interface Conversation {
  /** The broker gave a sign of life. */
  alive(): void;
  /** Posts until the outbox is empty. What the broker does not acknowledge is offered again with the next heartbeat. */
  post(): void;
  readonly connection: BrokerConnection;
  end(): void;
}

interface Deps {
  readonly connection: BrokerConnection;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** What is to go with the next post; asked once for each. */
  telemetry(): Telemetry | undefined;
  /** Some time has passed and the link still stands. */
  proven(): void;
  /** The outbox has become emptier. */
  acknowledged(): void;
  /** It is over, at most once, and not after `end`. */
  lost(reason: string): void;
}

/** Of one post: half of what a broker takes. */
const MAX_BYTES = 512 * 1024;

export function createConversation(deps: Deps): Conversation {
  const { connection, outbox, clock } = deps;
  const { heartbeatMs, silenceMs } = connection.welcome;
  let ended = false;
  let posting = false;
  let silence = listen();
  let heartbeat = clock.after(heartbeatMs, beat);

  function listen(): Timer {
    return clock.after(silenceMs, () => deps.lost(`the broker gave no sign of life for ${silenceMs} ms`));
  }

  function beat(): void {
    deps.proven();
    heartbeat = clock.after(heartbeatMs, beat);
    void (posting ? sayNothing() : post());
  }

  /** A broker that takes long over a report must not take this agent for dead meanwhile. */
  async function sayNothing(): Promise<void> {
    await connection.report([]).catch(failed);
  }

  function failed(error: unknown): void {
    if (!ended) deps.lost(messageOf(error));
  }

  async function post(): Promise<void> {
    if (posting) return;
    posting = true;
    try {
      let more = true;
      while (more) more = await postOnce();
      posting = false;
    } catch (error) {
      failed(error);
    }
  }

  async function postOnce(): Promise<boolean> {
    const acknowledged = await connection.report(outbox.oldest(MAX_REPORTS, MAX_BYTES), deps.telemetry());
    if (ended) return false;
    await outbox.acknowledge(acknowledged);
    deps.acknowledged();
    return !ended && acknowledged.length > 0 && outbox.size() > 0;
  }

  return {
    connection,
    alive() {
      silence.cancel();
      silence = listen();
    },
    post: () => void post(),
    end() {
      ended = true;
      silence.cancel();
      heartbeat.cancel();
      connection.close();
    },
  };
}
