/** The messages of the protocol as the client's own package defines them, and the few conversions between them and what the stand-in stores. */

import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { StoredEvent } from './store.ts';

type Identifier = { getStreamName_asU8(): Uint8Array } | undefined;

export const nameOf = (identifier: Identifier): string => Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');

export function identifierOf(name: string) {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(name, 'utf8'));
  return identifier;
}

function uuidOf(id: string) {
  const uuid = new shared.UUID();
  uuid.setString(id);
  return uuid;
}

/** `event` as one message of a read or of a subscription to `$all` or a stream. */
export function eventResponse(event: StoredEvent) {
  const read = new streams.ReadResp.ReadEvent();
  read.setEvent(recorded(event));
  read.setCommitPosition(String(event.position));
  const response = new streams.ReadResp();
  response.setEvent(read);
  return response;
}

function recorded(event: StoredEvent) {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
  recorded.setId(uuidOf(event.id));
  recorded.setStreamIdentifier(identifierOf(event.stream));
  recorded.setStreamRevision(String(event.revision));
  recorded.setCommitPosition(String(event.position));
  recorded.setPreparePosition(String(event.position));
  const metadata = recorded.getMetadataMap();
  metadata.set('type', event.type);
  metadata.set('content-type', event.contentType);
  metadata.set('created', String(event.created));
  recorded.setData(event.data);
  recorded.setCustomMetadata(event.metadata);
  return recorded;
}

/** A status with the trailers by which the client tells errors apart. */
export function fault(code: status, details: string, trailers: Readonly<Record<string, string>> = {}): ServiceError {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
  return Object.assign(new Error(details), { code, details, metadata });
}

export const notReady = (): ServiceError => fault(status.UNAVAILABLE, 'Server Is Not Ready');

export const accessDenied = (): ServiceError => fault(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' });

export const streamDeleted = (name: string): ServiceError =>
  fault(status.FAILED_PRECONDITION, `Event stream '${name}' is deleted.`, { exception: 'stream-deleted', 'stream-name': name });
