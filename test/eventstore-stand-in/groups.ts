/** Persistent subscriptions to streams, as far as locks need them: made once, kept over a restart, and with at most so many consumers. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import persistent from '@eventstore/db-client/generated/persistent_pb.js';
import { type ServerDuplexStream, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { fault, nameOf, notReady } from './messages.ts';
import type { Server } from './server.ts';

type CreateReq = InstanceType<typeof persistent.CreateReq>;
type CreateResp = InstanceType<typeof persistent.CreateResp>;
type DeleteReq = InstanceType<typeof persistent.DeleteReq>;
type DeleteResp = InstanceType<typeof persistent.DeleteResp>;
type GetInfoReq = InstanceType<typeof persistent.GetInfoReq>;
type GetInfoResp = InstanceType<typeof persistent.GetInfoResp>;
type ReadReq = InstanceType<typeof persistent.ReadReq>;
type ReadOptions = InstanceType<typeof persistent.ReadReq.Options>;
type ReadResp = InstanceType<typeof persistent.ReadResp>;

/** How often a silent server looks whether it is still silent. */
const POLL_MS = 10;
/** The name of a group on a stream, with the most consumers it takes (0: any number). */
const KEY = /^(.*)::(.*)::(\d+)$/s;

export function createGroup(server: Server, call: ServerUnaryCall<CreateReq, CreateResp>, reply: sendUnaryData<CreateResp>): void {
  if (server.faults.silentGroups) return;
  if (server.faults.notReady) return void reply(notReady());
  const options = call.request.getOptions();
  const stream = nameOf(options?.getStreamIdentifier());
  const group = options?.getGroupName() ?? '';
  if (find(server, stream, group) !== undefined) {
    const message = `Subscription group ${group} on stream ${stream} exists.`;
    return void reply(fault(status.ALREADY_EXISTS, message, trailers('persistent-subscription-exists', stream, group)));
  }
  server.store.addGroup(`${stream}::${group}::${options?.getSettings()?.getMaxSubscriberCount() ?? 0}`);
  reply(null, new persistent.CreateResp());
}

/** Consumers are dropped, and the group is gone. */
export function deleteGroup(server: Server, call: ServerUnaryCall<DeleteReq, DeleteResp>, reply: sendUnaryData<DeleteResp>): void {
  const options = call.request.getOptions();
  const stream = nameOf(options?.getStreamIdentifier());
  const group = options?.getGroupName() ?? '';
  const found = find(server, stream, group);
  if (found === undefined) return void reply(missing(stream, group));
  server.store.groups.delete(found.key);
  for (const consumer of server.consumers(found.key)) consumer.drop(dropped(stream, group));
  reply(null, new persistent.DeleteResp());
}

export function groupInfo(server: Server, call: ServerUnaryCall<GetInfoReq, GetInfoResp>, reply: sendUnaryData<GetInfoResp>): void {
  const options = call.request.getOptions();
  const stream = nameOf(options?.getStreamIdentifier());
  const group = options?.getGroupName() ?? '';
  const found = find(server, stream, group);
  if (found === undefined) return void reply(missing(stream, group));
  const info = new persistent.SubscriptionInfo();
  info.setEventSource(stream);
  info.setGroupName(group);
  info.setStatus('Live');
  info.setMaxSubscriberCount(found.mostConsumers);
  for (const { connection } of server.consumers(found.key)) {
    info.addConnections(new persistent.SubscriptionInfo.ConnectionInfo().setConnectionName(connection));
  }
  reply(null, new persistent.GetInfoResp().setSubscriptionInfo(info));
}

export function readGroup(server: Server, call: ServerDuplexStream<ReadReq, ReadResp>): void {
  call.on('error', () => undefined);
  call.on('data', (request: ReadReq) => {
    const options = request.getOptions();
    if (options !== undefined) void admit(server, call, options);
  });
}

/** A server that was silent serves what waited, unless it was cancelled. */
async function admit(server: Server, call: ServerDuplexStream<ReadReq, ReadResp>, options: ReadOptions): Promise<void> {
  while (server.faults.silentGroups) await sleep(POLL_MS);
  if (call.cancelled) return;
  if (server.faults.notReady) return void call.emit('error', notReady());
  const stream = nameOf(options.getStreamIdentifier());
  const group = options.getGroupName();
  const found = find(server, stream, group);
  if (found === undefined) return void call.emit('error', missing(stream, group));
  const consumers = server.consumers(found.key);
  if (found.mostConsumers > 0 && consumers.size >= found.mostConsumers) {
    const message = `Maximum subscriptions reached for subscription group ${group} on stream ${stream}.`;
    return void call.emit('error', fault(status.FAILED_PRECONDITION, message, trailers('maximum-subscribers-reached', stream, group)));
  }
  const connection = String(call.metadata.get('connection-name')[0] ?? '<unknown>');
  const consumer = { connection, drop: (error: Error) => void call.emit('error', error) };
  consumers.add(consumer);
  const leave = () => consumers.delete(consumer);
  call.on('cancelled', leave);
  call.on('close', leave);
  call.on('end', () => {
    leave();
    call.end();
  });
  const confirmation = new persistent.ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID());
  call.write(new persistent.ReadResp().setSubscriptionConfirmation(confirmation));
}

function find(server: Server, stream: string, group: string) {
  for (const key of server.store.groups) {
    const [, ofStream, name, most] = KEY.exec(key) ?? [];
    if (ofStream === stream && name === group) return { key, mostConsumers: Number(most) };
  }
  return undefined;
}

const trailers = (exception: string, stream: string, group: string) => ({ exception, 'stream-name': stream, 'group-name': group });

const missing = (stream: string, group: string) =>
  fault(
    status.NOT_FOUND,
    `Subscription group ${group} on stream ${stream} does not exist.`,
    trailers('persistent-subscription-does-not-exist', stream, group),
  );

const dropped = (stream: string, group: string) =>
  fault(
    status.CANCELLED,
    `Subscription group ${group} on stream ${stream} was dropped.`,
    trailers('persistent-subscription-dropped', stream, group),
  );
