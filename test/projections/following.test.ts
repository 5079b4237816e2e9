import t from 'tap';
import { openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { LOG_START, NO_STREAM } from '../../domain/facts.ts';
import { streamName } from '../../domain/ids.ts';
import { type Batch, follow } from '../../projections/following.ts';
import { factOf } from '../helpers/read-model.ts';
import { turn } from '../helpers/simulated-clock.ts';

t.test('a log that delivers faster than the disk takes is made to wait', async (t) => {
  const log = openMemoryEventLog();
  for (let number = 0; number < 60; number += 1) {
    const facts = Array.from({ length: 500 }, () => factOf({ type: 'other.thing', data: {} }, 1));
    await log.append(streamName('other', String(number)), NO_STREAM, facts);
  }
  let folded = 0;
  const written: Batch[] = [];
  let finish: (() => void) | undefined;
  const following = follow({
    log,
    after: LOG_START,
    fold() {
      folded += 1;
    },
    write(batch) {
      written.push(batch);
      return new Promise((resolve) => {
        finish = resolve;
      });
    },
    failed: t.fail,
  });
  const idle = async () => {
    for (let before = -1; before !== folded; ) {
      before = folded;
      for (let turns = 0; turns < 10; turns += 1) await turn();
    }
  };
  await idle();
  t.equal(folded, 500 + 10_000, 'one batch is being written, and one is gathered');
  while (folded < 30_000) {
    finish?.();
    await idle();
  }
  finish?.();
  await idle();
  finish?.();
  await following.stop();
  t.equal(written.at(-1)?.last.position, await log.head());
  t.equal(written.length, 4);
});
