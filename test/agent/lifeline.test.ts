import t from 'tap';
import type { BrokerConnection } from '../../agent/broker-link.ts';
import { createLifeline } from '../../agent/lifeline.ts';
import { openOutbox } from '../../agent/outbox.ts';
import { createMemoryLog } from '../../agent/storage.ts';
import { greeting } from '../helpers/raw-agent.ts';
import { recordingLogger } from '../helpers/real-agent.ts';
import { createSeededRandom, createSimulatedClock } from '../helpers/simulated-clock.ts';

t.test('a connection that comes up when nobody wants it any more is hung up', async (t) => {
  const ports = { clock: createSimulatedClock(), random: createSeededRandom(1), log: recordingLogger() };
  let arrive: (connection: BrokerConnection) => void = () => undefined;
  let closed = 0;
  const lifeline = createLifeline({
    ...ports,
    outbox: await openOutbox(createMemoryLog(), { limit: 10 }, ports),
    link: {
      connect: () =>
        new Promise((resolve) => {
          arrive = resolve;
        }),
      turn: () => undefined,
      brokers: () => 1,
      close: async () => undefined,
    },
    greeting: async () => greeting(),
    order: () => undefined,
    acknowledged: () => undefined,
  });
  lifeline.start();
  await ports.clock.advance(0);
  lifeline.stop();
  arrive({
    welcome: { connectionId: 'late', heartbeatMs: 1, silenceMs: 1 },
    report: async () => [],
    screenshots: async () => undefined,
    close() {
      closed += 1;
    },
  });
  await ports.clock.advance(100_000);
  t.equal(closed, 1);
  t.notOk(lifeline.connected());
});
