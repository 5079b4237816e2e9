/** The audit of a log in EventStoreDB, where somebody can write to the server's files: that is done on the stand-in. */
import t, { type Test } from 'tap';
import { openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { chained } from '../../../adapters/evidence/chained.ts';
import { publishedIn } from '../../../adapters/evidence/published.ts';
import { startStandIn } from '../../eventstore-stand-in/stand-in.ts';
import type { StoredEvent } from '../../eventstore-stand-in/store.ts';
import { audit, KEY, trusting } from '../../helpers/evidence.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';
import { CHAIR, STORY, tell, told } from '../../helpers/tampering.ts';

async function open(t: Test) {
  const standIn = await startStandIn();
  const log = chained(await openEventStoreLog(standIn.url));
  t.teardown(async () => {
    await log.close();
    await standIn.stop();
  });
  const published = publishedIn(`${temporaryFolder(t)}/evidence.json`);
  await tell(log, STORY, published);
  const kept = (await published.read())?.checkpoint;
  return { standIn, log, trust: { ...trusting(KEY), kept: kept === undefined ? [] : [kept] } };
}

type Change = (event: StoredEvent) => StoredEvent | undefined;
const at =
  (revision: number, change: Change): Change =>
  (event) =>
    event.revision === revision ? change(event) : event;
const data = (text: string) => (event: StoredEvent) => ({ ...event, data: Buffer.from(text) });
const metadata = (changes: object) => (event: StoredEvent) => ({
  ...event,
  metadata: Buffer.from(JSON.stringify({ ...JSON.parse(event.metadata.toString()), ...changes })),
});
const gone = () => undefined;

const cases: Readonly<Record<string, readonly [stream: string, change: Change, found: readonly string[]]>> = {
  nothing: ['desk-1', (event) => event, []],
  'what a fact says': ['desk-1', at(1, data('{"number":7}')), ['altered desk-1 1']],
  'its time': ['desk-1', at(1, metadata({ time: 1 })), ['altered desk-1 1']],
  'its hash': ['desk-1', at(1, metadata({ hash: 'x' })), ['altered desk-1 1']],
  'its text, which is no JSON any more': ['desk-1', at(1, data('x')), ['unreadable desk-1 1']],
  'a fact, removed': ['desk-1', at(1, gone), ['missing desk-1 1']],
  'the first fact, removed': ['desk-1', at(0, gone), ['missing desk-1 0']],
  'the end of a stream, cut off': ['chair-1', at(2, gone), ['cut-off chair-1 2']],
  'a whole stream, removed': ['lamp-1', gone, ['cut-off lamp-1 0']],
  'a checkpoint': ['checkpoint-log', at(0, data('{}')), ['bad-checkpoint checkpoint-log 0']],
  'a checkpoint that is none any more': ['checkpoint-log', at(0, data('x')), ['unreadable checkpoint-log 0']],
  'the last checkpoint, removed': ['checkpoint-log', at(1, gone), ['missing-checkpoint']],
};
for (const [what, [stream, change, found]] of Object.entries(cases)) {
  t.test(`on a server of logs is changed: ${what}`, async (t) => {
    const { standIn, log, trust } = await open(t);
    standIn.tamper(stream, change);
    t.same((await audit(log, trust)).found.map(told), found);
  });
}

t.test('streams that were taken out with a note are no fault, whether the server still has them or not', async (t) => {
  const { standIn, log, trust } = await open(t);
  const [last] = await log.readStream(CHAIR, 2, 1);
  t.equal(await log.remove(CHAIR, { revision: 2, hash: last?.hash ?? '', note: 'archive/1' }), true);
  t.match(await audit(log, trust), { faults: 0, unordered: 0 }, 'it hides them');
  standIn.tamper('chair-1', (event) => (event.revision === 1 ? event : undefined));
  t.match(await audit(log, trust), { faults: 0, unordered: 2, removed: { streams: 1 } }, 'it has scavenged some of them');
});
