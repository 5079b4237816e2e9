/** A process that asks, on several connections at once, each as soon as it has its answer; and says how fast that went. */
import { readFile } from 'node:fs/promises';
import type { ConnectionFile } from '../adapters/connection-file.ts';
import { sessionIdOf } from './fleet-log.ts';
import { job, say } from './processes.ts';
import { openWire, requestBytes, type Target, type Wire } from './wire.ts';

export interface LoadJob {
  readonly kind: 'create' | 'describe';
  readonly connection: ConnectionFile;
  /** Instead of the broker's. */
  readonly url?: string | undefined;
  readonly connections: number;
  /** Requests of each phase; it speaks after each. */
  readonly phases: readonly number[];
  /** Sessions in one request to create some; sessions that there are to be described. */
  readonly sessions: number;
}

export interface LoadReport {
  /** Sessions that are being created. */
  readonly granted: number;
  readonly refused: number;
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** The body of one answer. */
  readonly sample: string;
}

const GRANTED = '"State":"CREATING"';
const REFUSED = '"FailureReason"';
/** Requests that are made before the clock starts, spread over all sessions. */
const PREPARED = 20_000;

const load = job<LoadJob>();
const { connection } = load;
const ca = await readFile(connection.caFile, 'utf8');
const authorization = `Bearer ${await accessToken({ url: connection.url, ca })}`;
const target: Target = { url: load.url ?? connection.url, ca };
const nextRequest = load.kind === 'create' ? creating(load.sessions) : describing(load.sessions);
const wires = await Promise.all(Array.from({ length: load.connections }, () => openWire(target)));
for (const requests of load.phases) say(await askFor(requests));
for (const wire of wires) wire.close();
process.disconnect?.();

async function askFor(requests: number): Promise<LoadReport> {
  const times: number[] = [];
  const counts = { granted: 0, refused: 0 };
  let [left, sample] = [requests, ''];
  async function askOnAndOn(wire: Wire): Promise<void> {
    while (left > 0) {
      left -= 1;
      const asked = performance.now();
      const { status, body } = await wire.ask(nextRequest());
      times.push(performance.now() - asked);
      if (status !== 200) throw new Error(`The broker answered with ${status}: ${body}`);
      sample ||= body.toString();
      if (load.kind !== 'create') continue;
      counts.granted += countOf(GRANTED, body);
      counts.refused += countOf(REFUSED, body);
    }
  }
  const start = performance.now();
  await Promise.all(wires.map(askOnAndOn));
  const perSecond = (requests * 1000) / (performance.now() - start);
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  return { ...counts, perSecond, medianMs: at(0.5), p99Ms: at(0.99), sample };
}

/** Counting texts costs a fraction of parsing them. */
function countOf(text: string, body: Buffer): number {
  let count = 0;
  for (let place = body.indexOf(text); place !== -1; place = body.indexOf(text, place + 1)) count += 1;
  return count;
}

function creating(batch: number): () => Buffer {
  const item = (number: number) => ({ Name: `bench-${number}`, Owner: `user${number}`, Type: 'VIRTUAL' });
  const body = JSON.stringify(Array.from({ length: batch }, (_, number) => item(number)));
  const bytes = requestBytes(target, '/createSessions', headers(), body);
  return () => bytes;
}

function describing(known: number): () => Buffer {
  const requests = Array.from({ length: Math.min(known, PREPARED) }, (_, number) => {
    const id = sessionIdOf(Math.floor((number * known) / PREPARED));
    return requestBytes(target, '/describeSessions', headers(), JSON.stringify({ SessionIds: [id] }));
  });
  return () => requests[Math.floor(Math.random() * requests.length)] as Buffer;
}

function headers(): Record<string, string> {
  return { authorization, 'content-type': 'application/json', accept: 'application/json' };
}

async function accessToken(broker: Target): Promise<string> {
  const wire = await openWire(broker);
  const basic = `Basic ${Buffer.from(`${connection.clientId}:${connection.clientPassword}`).toString('base64')}`;
  const form = { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' };
  const { body } = await wire.ask(requestBytes(broker, '/oauth2/token', form, 'grant_type=client_credentials'));
  wire.close();
  return (JSON.parse(body.toString()) as { access_token: string }).access_token;
}
