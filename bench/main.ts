/**
 * `npm run bench`: measures Berth and prints a table, each row as a ratio to a baseline that was measured in the same run. Letters select
 * what is measured: `npm run bench -- a b`. See README.md for what the rows mean.
 */
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { benchAgent } from './agent.ts';
import { appendBench } from './append.ts';
import { untilAtRest } from './at-rest.ts';
import { benchBatch } from './batch.ts';
import { benchCluster } from './cluster.ts';
import { benchCreate } from './create.ts';
import { benchDescribe } from './describe.ts';
import { writeFleetLog } from './fleet-log.ts';
import { inFolder } from './folder.ts';
import { benchPlacement } from './placement.ts';
import { startBroker } from './processes.ts';
import { benchQueue } from './queue.ts';
import { benchRebuild } from './rebuild.ts';
import { benchRehydration } from './rehydration.ts';
import { benchConnected, benchRestart } from './restart.ts';
import type { Row } from './row.ts';
import { benchScrape } from './scrape.ts';
import { benchStart } from './start.ts';
import { benchVerify } from './verify.ts';

const LETTERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'k', 'm', 'p', 'r', 's', 'v'] as const;
type Letter = (typeof LETTERS)[number];

/** 1,000,000 facts. */
const FLEET = { servers: 10_000, sessions: 100_000, former: 72_500 };
const GIBIBYTE = 2 ** 30;

const wanted = selected(process.argv.slice(2));
print(machine());
const startedAt = performance.now();
if (wanted.has('p')) {
  exposeCollector();
  show(benchPlacement());
}
if (wanted.has('a')) show(await benchCreate());
if (wanted.has('b') || wanted.has('e') || wanted.has('m')) await inFolder('fleet', benchFleet);
if (wanted.has('e')) show(await benchConnected());
if (wanted.has('c')) show(await appendBench(process.env['EVENTSTORE_URL'] || undefined));
if (wanted.has('d')) show(await benchRebuild());
if (wanted.has('f')) show(await benchAgent());
if (wanted.has('g')) show(await benchBatch());
if (wanted.has('h')) show(await benchQueue());
if (wanted.has('k')) await inFolder('cluster', benchBrokers);
if (wanted.has('r')) show(await benchRehydration());
if (wanted.has('s')) show(await benchStart());
if (wanted.has('v')) show(await benchVerify());
print(`Measured in ${((performance.now() - startedAt) / 1000).toFixed(0)} s.`);

/** One log and one read database serve both benchmarks: filling them takes longest. */
async function benchFleet(folder: string): Promise<void> {
  const facts = await writeFleetLog(join(folder, 'log.sqlite'), FLEET);
  const first = await startBroker(folder);
  await untilAtRest(folder);
  await first.stop();
  if (wanted.has('e')) show(await benchRestart(folder, FLEET, facts));
  if (wanted.has('b')) show(await benchDescribe(folder, FLEET));
  if (wanted.has('m')) show(await benchScrape(folder, FLEET));
}

async function benchBrokers(folder: string): Promise<void> {
  const url = process.env['EVENTSTORE_URL'];
  if (url) show(await benchCluster(folder, url));
  else print('Benchmark k is left out: it needs an EventStoreDB at EVENTSTORE_URL, such as esdb://127.0.0.1:2113?tls=false.');
}

function selected(letters: readonly string[]): ReadonlySet<Letter> {
  const known = LETTERS.filter((letter) => letters.includes(letter));
  if (known.length < letters.length) throw new Error(`The benchmarks are ${LETTERS.join(', ')}, not ${letters.join(', ')}.`);
  return new Set(known.length === 0 ? LETTERS : known);
}

function machine(): string {
  const [first] = cpus();
  const memory = `${Math.round(totalmem() / GIBIBYTE)} GiB of memory`;
  const note = 'The broker, its agents and the load share them.';
  return `${cpus().length} processors (${first?.model}), ${memory}, Node.js ${process.versions.node}. ${note}`;
}

function show(rows: readonly Row[]): void {
  for (const { name, value, unit, baseline, ratio, aim } of rows) {
    const figure = `${rounded(value)} ${unit}`.padStart(20);
    const share = ratio.toFixed(2).padStart(8);
    print(`${name.padEnd(72)}${figure}${share}  of ${baseline}${aim === undefined ? '' : ` (aim ${aim})`}`);
  }
}

/** Three digits that mean something. */
function rounded(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

/** Heap sizes are exact only right after a collection. */
function exposeCollector(): void {
  setFlagsFromString('--expose-gc');
  globalThis.gc = runInNewContext('gc') as typeof globalThis.gc;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
