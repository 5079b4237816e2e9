/** Reading and subscribing: streams, `$all` in both directions, and `$all` live behind a filter. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { accessDenied, eventResponse, fault, identifierOf, nameOf, notReady, streamDeleted } from './messages.ts';
import type { Server } from './server.ts';
import type { StoredEvent } from './store.ts';

type ReadReq = InstanceType<typeof streams.ReadReq>;
type ReadResp = InstanceType<typeof streams.ReadResp>;
type Options = InstanceType<typeof streams.ReadReq.Options>;
type Call = ServerWritableStream<ReadReq, ReadResp>;

const BACKWARDS = 1;
/** The search window of a filtered subscription that asks for none. */
const WINDOW = 32;

export async function read(server: Server, call: Call): Promise<void> {
  call.on('error', () => undefined);
  const options = call.request.getOptions();
  if (options === undefined || server.faults.notReady) return void call.emit('error', notReady());
  if (server.faults.denied || (server.faults.subscriptionsDenied && options.hasSubscription()))
    return void call.emit('error', accessDenied());
  if (options.hasSubscription()) return subscribe(server, call, options);
  if (server.faults.silentReads) return;
  if (options.hasAll()) return readAll(server, call, options);
  const name = nameOf(options.getStream()?.getStreamIdentifier());
  const stream = server.store.stream(name);
  if (stream === 'deleted') return void call.emit('error', streamDeleted(name));
  if (stream === undefined) {
    const missing = new streams.ReadResp.StreamNotFound();
    missing.setStreamIdentifier(identifierOf(name));
    const response = new streams.ReadResp();
    response.setStreamNotFound(missing);
    call.write(response);
    return void call.end();
  }
  await send(call, selected(stream, options));
}

function selected(stream: readonly StoredEvent[], options: Options): readonly StoredEvent[] {
  const from = options.getStream();
  const revision = from?.hasRevision() ? Number(from.getRevision()) : undefined;
  const limit = Number(options.getCount());
  if (options.getReadDirection() !== BACKWARDS) {
    return stream.filter((event) => event.revision >= (revision ?? 0)).slice(0, limit);
  }
  return stream
    .filter((event) => event.revision <= (revision ?? Number.MAX_SAFE_INTEGER))
    .toReversed()
    .slice(0, limit);
}

/** Forwards the position asked for is included, backwards it is not. */
async function readAll(server: Server, call: Call, options: Options): Promise<void> {
  const all = server.store.all();
  const from = options.getAll();
  const position = from?.hasPosition() ? Number(from.getPosition()?.getCommitPosition()) : undefined;
  if (position !== undefined && !isValid(all, position)) {
    const filtered = fault(status.UNKNOWN, 'Unexpected FilteredReadAllResult: InvalidPosition');
    return void call.emit('error', options.hasFilter() ? filtered : invalidPosition());
  }
  const ends = from?.hasStart() ? 0 : all.length;
  await send(call, found(all, position === undefined ? ends : indexAt(all, position), options));
}

function found(all: readonly StoredEvent[], start: number, options: Options): readonly StoredEvent[] {
  const isBackwards = options.getReadDirection() === BACKWARDS;
  const wanted = filterOf(options);
  const events: StoredEvent[] = [];
  const limit = Number(options.getCount());
  for (let index = isBackwards ? start - 1 : start; events.length < limit; index += isBackwards ? -1 : 1) {
    const event = all[index];
    if (event === undefined) break;
    if (wanted(event)) events.push(event);
  }
  return events;
}

/** The position asked for is not included; one far ahead of the log is accepted, in silence. */
async function subscribe(server: Server, call: Call, options: Options): Promise<void> {
  const all = server.store.all();
  const from = options.getAll();
  const position = from?.hasPosition() ? Number(from.getPosition()?.getCommitPosition()) : -1;
  if (from?.hasPosition() && !isValid(all, position)) return void call.emit('error', invalidPosition());
  const confirmation = new streams.ReadResp();
  confirmation.setConfirmation(new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID()));
  call.write(confirmation);
  if (server.faults.silentSubscriptions) return;
  await follow(server, call, options, from?.hasEnd() ? all.length : indexAt(all, position + 1));
}

/** Catches up, says so, and goes on live. */
async function follow(server: Server, call: Call, options: Options, start: number): Promise<void> {
  const wanted = filterOf(options);
  const filter = options.getFilter();
  const interval = filter === undefined ? Number.POSITIVE_INFINITY : (filter.getMax() || WINDOW) * filter.getCheckpointintervalmultiplier();
  let next = start;
  while (!call.cancelled && !call.destroyed) {
    for (const event of server.store.all().slice(next)) {
      next += 1;
      if (wanted(event)) await write(call, eventResponse(event));
      if ((next - start) % interval === 0) await write(call, checkpointAt(event.position));
    }
    await write(call, caughtUp());
    if (server.store.all().length === next) await server.news();
  }
}

function filterOf(options: Options): (event: StoredEvent) => boolean {
  const filter = options.getFilter();
  if (filter === undefined) return () => true;
  const expression = filter.hasEventType() ? filter.getEventType() : filter.getStreamIdentifier();
  const text = (event: StoredEvent) => (filter.hasEventType() ? event.type : event.stream);
  const regex = expression?.getRegex() ?? '';
  if (regex !== '') {
    const pattern = new RegExp(regex);
    return (event) => pattern.test(text(event));
  }
  const prefixes = expression?.getPrefixList() ?? [];
  return (event) => prefixes.some((prefix) => text(event).startsWith(prefix));
}

function checkpointAt(position: number): ReadResp {
  const checkpoint = new streams.ReadResp.Checkpoint();
  checkpoint.setCommitPosition(String(position));
  checkpoint.setPreparePosition(String(position));
  return new streams.ReadResp().setCheckpoint(checkpoint);
}

function caughtUp(): ReadResp {
  return new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp());
}

async function send(call: Call, events: readonly StoredEvent[]): Promise<void> {
  for (const event of events) await write(call, eventResponse(event));
  call.end();
}

/** Waits while the client takes nothing; returns at once when it is gone. */
async function write(call: Call, response: ReadResp): Promise<void> {
  if (call.cancelled || call.destroyed || call.write(response)) return;
  const over = new AbortController();
  const options = { signal: over.signal };
  const gone = once(call, 'cancelled', options);
  await Promise.race([once(call, 'drain', options), gone, once(call, 'close', options)]).catch(() => undefined);
  gone.catch(() => undefined);
  over.abort();
}

/** Positions are offsets of records; between two there is none. Beyond the end there may be one some day. */
function isValid(all: readonly StoredEvent[], position: number): boolean {
  const last = all.at(-1);
  return last === undefined || position > last.position || position === 0 || all[indexAt(all, position)]?.position === position;
}

const invalidPosition = () => fault(status.INVALID_ARGUMENT, 'Trying to read from an invalid position.');

/** The index of the first event at or behind a position. */
function indexAt(all: readonly StoredEvent[], position: number): number {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((all[middle] as StoredEvent).position >= position) high = middle;
    else low = middle + 1;
  }
  return low;
}
