/** A server that is killed under load, again and again, and started again on what it had on disk. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { LOG_START, NO_STREAM, type RecordedFact } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { runModule } from '../../helpers/berth-process.ts';
import { appendAtLast } from '../../helpers/event-store.ts';
import { newFacts } from '../../helpers/new-facts.ts';
import { pause, until } from '../../helpers/until.ts';

const STAND_IN = fileURLToPath(new URL('../../eventstore-stand-in/stand-in.js', import.meta.url));
const KILLS = 3;
const WRITERS = 20;

t.test('what was acknowledged is there once, and everybody hears it once, in order', async (t) => {
  const port = await freePort();
  const file = join(t.testdir(), 'log.jsonl');
  const start = () => startProcess(t, port, file);
  let server = await start();
  const log = await openEventStoreLog(`esdb://127.0.0.1:${port}?tls=false`);
  t.teardown(() => log.close());
  const heard: RecordedFact[] = [];
  log.subscribe(LOG_START, async (facts) => void heard.push(...facts), t.fail);
  let over = false;
  let faults = 0;
  const acknowledged: string[][] = [];

  async function write(writer: number): Promise<void> {
    const mine: string[] = [];
    acknowledged.push(mine);
    let revision = NO_STREAM;
    while (!over) {
      const facts = newFacts(3);
      const { appended, ...tries } = await appendAtLast(log, streamName('desk', `${writer}`), revision, facts);
      if (appended.outcome === 'conflict')
        throw new Error(`Nobody else writes, and it stands at ${appended.actualRevision}, not ${revision}.`);
      revision = appended.revision;
      faults += tries.faults;
      mine.push(...facts.map(({ id }) => id));
    }
  }

  const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  for (let kill = 0; kill < KILLS; kill += 1) {
    const before = heard.length;
    await until('the load runs', () => heard.length > before + 300);
    server.kill('SIGKILL');
    await pause(300);
    server = await start();
  }
  const before = heard.length;
  await until('the load runs again', () => heard.length > before + 300);
  over = true;
  await writing;
  const written = acknowledged.flat();
  await until('everything is heard', () => heard.length === written.length);
  t.comment(`${written.length} facts, ${faults} appends of unknown outcome`);
  t.ok(faults > 0);
  t.equal(new Set(heard.map(({ id }) => id)).size, heard.length);
  for (let writer = 0; writer < WRITERS; writer += 1) {
    const stream = streamName('desk', `${writer}`);
    t.same(
      heard.filter((fact) => fact.stream === stream).map(({ id }) => id),
      acknowledged[writer],
    );
  }
  t.ok(heard.every((fact, index) => index === 0 || fact.position > Number(heard[index - 1]?.position)));
  server.kill('SIGKILL');
});

async function startProcess(t: Test, port: number, file: string) {
  const server = runModule(t, STAND_IN, [`${port}`, file], { bare: true });
  await server.says('is ready at');
  return server.child;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('It listens on a port.');
  return address.port;
}
