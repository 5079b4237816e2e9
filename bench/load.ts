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
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** Sessions in one request to create some. */
  readonly batch?: number;
  /** Sessions that there are to be described. */
  readonly sessions?: number;
}

export interface LoadReport {
  readonly requests: number;
  /** Of the sessions that were asked for, those that were granted; with `describe`, those that were described. */
  readonly sessions: number;
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
const { connection, connections, warmUpMs, measuredMs } = load;
const ca = await readFile(connection.caFile, 'utf8');
const authorization = `Bearer ${await accessToken({ url: connection.url, ca })}`;
const target: Target = { url: load.url ?? connection.url, ca };
const nextRequest = load.kind === 'create' ? creating(load.batch ?? 1) : describing(load.sessions ?? 1);
const wires = await Promise.all(Array.from({ length: connections }, () => openWire(target)));
const begin = performance.now() + warmUpMs;
const end = begin + measuredMs;
const times: number[] = [];
let [sessions, refused, sample] = [0, 0, ''];
await Promise.all(wires.map(askOnAndOn));
for (const wire of wires) wire.close();
times.sort((a, b) => a - b);
const report: LoadReport = {
  requests: times.length,
  sessions,
  refused,
  perSecond: (times.length * 1000) / measuredMs,
  medianMs: at(0.5),
  p99Ms: at(0.99),
  sample,
};
say(report);
process.disconnect?.();

async function askOnAndOn(wire: Wire): Promise<void> {
  for (let now = performance.now(); now < end; ) {
    const { status, body } = await wire.ask(nextRequest());
    if (status !== 200) throw new Error(`The broker answered with ${status}: ${body}`);
    const answered = performance.now();
    if (load.kind === 'create') count(body);
    if (answered > begin && answered < end) times.push(answered - now);
    if (sample === '') sample = body.toString();
    now = performance.now();
  }
}

/** Counting texts costs a fraction of parsing them. */
function count(body: Buffer): void {
  for (let place = body.indexOf(GRANTED); place !== -1; place = body.indexOf(GRANTED, place + 1)) sessions += 1;
  for (let place = body.indexOf(REFUSED); place !== -1; place = body.indexOf(REFUSED, place + 1)) refused += 1;
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

function at(share: number): number {
  return times[Math.floor(times.length * share)] ?? Number.NaN;
}
