/** Appending and deleting: the two append calls, and what goes wrong on demand. */

import shared from '@eventstore/db-client/generated/shared_pb.js';
import statusMessages from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { type ServerDuplexStream, type ServerReadableStream, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import any from 'google-protobuf/google/protobuf/any_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import { fault, identifierOf, nameOf, notReady, streamDeleted } from './messages.ts';
import type { Server } from './server.ts';
import { EXPECT_NO_STREAM, type Expected, type Judgement, type ProposedEvent } from './store.ts';

type BatchAppendReq = InstanceType<typeof streams.BatchAppendReq>;
type BatchAppendResp = InstanceType<typeof streams.BatchAppendResp>;
type AppendReq = InstanceType<typeof streams.AppendReq>;
type AppendResp = InstanceType<typeof streams.AppendResp>;
type DeleteReq = InstanceType<typeof streams.DeleteReq>;
type DeleteResp = InstanceType<typeof streams.DeleteResp>;
type TombstoneReq = InstanceType<typeof streams.TombstoneReq>;
type TombstoneResp = InstanceType<typeof streams.TombstoneResp>;

/** How an append ends: as judged, or as a fault would have it. */
type Ending = Judgement | { readonly outcome: 'timeout' | 'not-ready-yet' } | { readonly outcome: 'too-big'; readonly most: number };

/** So long the real server waits before it answers that an append timed out. */
const WRITE_TIMEOUT_MS = 2500;
const NO_POSITION = -1;

/** Judges and writes; the answer comes when the append is committed, as with a flush for several. */
async function settle(server: Server, stream: string, expected: Expected, events: readonly ProposedEvent[]): Promise<Ending> {
  const { notReady, maxAppendSize, appends } = server.faults;
  if (notReady) return { outcome: 'not-ready-yet' };
  // Metadata does not count (24.6).
  if (events.reduce((sum, { data }) => sum + data.length, 0) > maxAppendSize) return { outcome: 'too-big', most: maxAppendSize };
  const judgement = server.store.append(stream, expected, events);
  if (judgement.outcome === 'lost') return new Promise(() => undefined);
  if (judgement.outcome === 'not-ready') return { outcome: await after(WRITE_TIMEOUT_MS, 'timeout' as const) };
  if (judgement.outcome !== 'appended') return judgement;
  await server.flushed();
  const surprise = appends.shift();
  if (surprise === 'timed-out') return { outcome: 'timeout' };
  if (surprise === 'answered-without-position') return { ...judgement, position: NO_POSITION };
  if (surprise === 'disconnected') await server.stop();
  if (surprise !== undefined) return new Promise(() => undefined);
  return judgement;
}

export function batchAppend(server: Server, call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>): void {
  const pending = new Map<string, { readonly stream: string; readonly expected: Expected; readonly events: ProposedEvent[] }>();
  const answer = (request: BatchAppendReq, stream: string, ending: Ending) => {
    const response = batchResponse(ending, stream);
    response.setCorrelationId(request.getCorrelationId());
    response.setStreamIdentifier(identifierOf(stream));
    if (!call.cancelled) call.write(response);
  };
  call.on('data', (request: BatchAppendReq) => {
    const id = request.getCorrelationId()?.getString() ?? '';
    const options = request.getOptions();
    if (options) pending.set(id, { stream: nameOf(options.getStreamIdentifier()), expected: batchExpectation(options), events: [] });
    const append = pending.get(id);
    append?.events.push(...request.getProposedMessagesList().map(proposed));
    if (append === undefined || !request.getIsFinal()) return;
    pending.delete(id);
    void settle(server, append.stream, append.expected, append.events).then((ending) => answer(request, append.stream, ending));
  });
  call.on('error', () => undefined);
  call.on('end', () => call.end());
}

export function append(server: Server, call: ServerReadableStream<AppendReq, AppendResp>, reply: sendUnaryData<AppendResp>): void {
  let stream = '';
  let expected: Expected = 'any';
  const events: ProposedEvent[] = [];
  call.on('data', (request: AppendReq) => {
    const options = request.getOptions();
    const message = request.getProposedMessage();
    if (options) {
      stream = nameOf(options.getStreamIdentifier());
      expected = expectation(options);
    }
    if (message) events.push(proposed(message));
  });
  call.on('error', () => undefined);
  call.on('end', async () => {
    const ending = await settle(server, stream, expected, events);
    const error = unaryFault(ending, stream);
    if (error) reply(error);
    else reply(null, unaryResponse(ending, expected));
  });
}

export function remove(server: Server, call: ServerUnaryCall<DeleteReq, DeleteResp>, reply: sendUnaryData<DeleteResp>): void {
  const name = nameOf(call.request.getOptions()?.getStreamIdentifier());
  if (server.store.remove(name, false)) reply(null, new streams.DeleteResp());
  else reply(wrongVersion(name));
}

export function tombstone(server: Server, call: ServerUnaryCall<TombstoneReq, TombstoneResp>, reply: sendUnaryData<TombstoneResp>): void {
  const name = nameOf(call.request.getOptions()?.getStreamIdentifier());
  if (server.store.remove(name, true)) reply(null, new streams.TombstoneResp());
  else reply(wrongVersion(name));
}

function wrongVersion(name: string) {
  const trailers = { exception: 'wrong-expected-version', 'stream-name': name, 'expected-version': '-2', 'actual-version': '-1' };
  return fault(status.FAILED_PRECONDITION, 'WrongExpectedVersion', trailers);
}

type Proposed = InstanceType<typeof streams.AppendReq.ProposedMessage> | InstanceType<typeof streams.BatchAppendReq.ProposedMessage>;

function proposed(message: Proposed): ProposedEvent {
  const metadata = message.getMetadataMap();
  return {
    id: message.getId()?.getString() ?? '',
    type: metadata.get('type') ?? '',
    contentType: metadata.get('content-type') ?? '',
    data: Buffer.from(message.getData_asU8()),
    metadata: Buffer.from(message.getCustomMetadata_asU8()),
  };
}

function batchExpectation(options: InstanceType<typeof streams.BatchAppendReq.Options>): Expected {
  if (options.hasStreamPosition()) return Number(options.getStreamPosition());
  return options.hasNoStream() ? EXPECT_NO_STREAM : options.hasStreamExists() ? 'stream_exists' : 'any';
}

function expectation(options: InstanceType<typeof streams.AppendReq.Options>): Expected {
  if (options.hasRevision()) return Number(options.getRevision());
  return options.hasNoStream() ? EXPECT_NO_STREAM : options.hasStreamExists() ? 'stream_exists' : 'any';
}

function batchResponse(ending: Ending, stream: string): BatchAppendResp {
  const response = new streams.BatchAppendResp();
  if (ending.outcome === 'appended') {
    const success = new streams.BatchAppendResp.Success();
    const position = new shared.AllStreamPosition();
    position.setCommitPosition(String(ending.position));
    position.setPreparePosition(String(ending.position));
    success.setCurrentRevision(String(ending.revision));
    if (ending.position === NO_POSITION) success.setNoPosition(new empty.Empty());
    else success.setPosition(position);
    response.setSuccess(success);
  } else {
    response.setError(batchError(ending, stream));
  }
  return response;
}

/** An error is a status with a packed detail, whose type name says what it is. */
function batchError(ending: Exclude<Ending, { outcome: 'appended' }>, stream: string) {
  const error = new statusMessages.Status();
  const details = new any.Any();
  const pack = (message: { serializeBinary(): Uint8Array }, name: string) => details.pack(message.serializeBinary(), name);
  if (ending.outcome === 'wrong-expected-version') {
    const wrong = new shared.WrongExpectedVersion();
    if (ending.actual < 0) wrong.setCurrentNoStream(new empty.Empty());
    else wrong.setCurrentStreamRevision(String(ending.actual));
    pack(wrong, 'event_store.client.WrongExpectedVersion');
  } else if (ending.outcome === 'deleted') {
    const deleted = new shared.StreamDeleted();
    deleted.setStreamIdentifier(identifierOf(stream));
    pack(deleted, 'event_store.client.StreamDeleted');
  } else if (ending.outcome === 'too-big') {
    const exceeded = new shared.MaximumAppendSizeExceeded();
    exceeded.setMaxappendsize(ending.most);
    pack(exceeded, 'event_store.client.MaximumAppendSizeExceeded');
  } else if (ending.outcome === 'not-ready-yet') {
    error.setMessage('Server Is Not Ready');
    pack(new empty.Empty(), 'google.protobuf.Empty');
  } else {
    pack(new shared.Timeout(), 'event_store.client.Timeout');
  }
  error.setDetails(details);
  return error;
}

function unaryFault(ending: Ending, stream: string) {
  if (ending.outcome === 'deleted') return streamDeleted(stream);
  if (ending.outcome === 'not-ready-yet') return notReady();
  if (ending.outcome === 'timeout') return fault(status.ABORTED, 'Operation timed out: WriteEvents');
  if (ending.outcome !== 'too-big') return undefined;
  const trailers = { exception: 'maximum-append-size-exceeded', 'maximum-append-size': String(ending.most) };
  return fault(status.INVALID_ARGUMENT, `Maximum Append Size of ${ending.most} Exceeded.`, trailers);
}

/** To the unary call a wrong expected version is an ordinary answer. */
function unaryResponse(ending: Ending, expected: Expected): AppendResp {
  const response = new streams.AppendResp();
  if (ending.outcome === 'appended') {
    const success = new streams.AppendResp.Success();
    const position = new streams.AppendResp.Position();
    position.setCommitPosition(String(ending.position));
    position.setPreparePosition(String(ending.position));
    success.setCurrentRevision(String(ending.revision));
    success.setPosition(position);
    response.setSuccess(success);
  } else if (ending.outcome === 'wrong-expected-version') {
    const wrong = new streams.AppendResp.WrongExpectedVersion();
    if (ending.actual < 0) wrong.setCurrentNoStream(new shared.Empty());
    else wrong.setCurrentRevision(String(ending.actual));
    if (typeof expected === 'number' && expected >= 0) wrong.setExpectedRevision(String(expected));
    response.setWrongExpectedVersion(wrong);
  }
  return response;
}

const after = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(resolve, ms, value));
