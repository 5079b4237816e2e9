/**
 * Reading the whole log behind a filter. Servers can do that, in both directions; the client's own `readAll` only does not pass the filter on,
 * and without it each read would bring the events of everybody who shares the server. So the request is put together here, and goes out by the
 * client's own way of making calls, which knows about credentials, clusters and broken connections. Both are inner parts of the client: its
 * version is pinned.
 */
import { END, type EventStoreDBClient, type ResolvedEvent, START } from '@eventstore/db-client';
import { convertGrpcEvent } from '@eventstore/db-client/dist/utils/convertGrpcEvent.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { Place } from './events.ts';

export interface FilteredRead {
  readonly from: Place | typeof END;
  readonly direction: 'forwards' | 'backwards';
  readonly maxCount: number;
  /** A regular expression for the names of streams. */
  readonly pattern: string;
}

/** A read under way: to be drained or cancelled. */
export interface OpenRead extends AsyncIterable<ResolvedEvent> {
  cancel(): void;
}

/** What the client does not show. */
interface Inner {
  GRPCStreamCreator(type: typeof StreamsClient, name: string, create: (grpc: StreamsClient) => GrpcRead): () => Promise<GrpcRead>;
  callArguments(
    options: object,
    callOptions: { readonly deadline: number },
  ): Parameters<StreamsClient['read']> extends [unknown, ...infer Rest] ? Rest : never;
}

type GrpcRead = ReturnType<StreamsClient['read']>;

/** Events that the server looks at in one step before it looks whether anybody still waits. */
const SEARCH_WINDOW = 500;

export async function openFilteredRead(client: EventStoreDBClient, read: FilteredRead): Promise<OpenRead> {
  const inner = client as unknown as Inner;
  const request = requestFor(read);
  const open = inner.GRPCStreamCreator(StreamsClient, 'readAll', (grpc) =>
    grpc.read(request, ...inner.callArguments({}, { deadline: Number.POSITIVE_INFINITY })),
  );
  const responses = await open();
  // What it says after its end has no other listener; without one the process would end.
  responses.on('error', () => undefined);
  return {
    cancel: () => responses.cancel(),
    async *[Symbol.asyncIterator]() {
      for await (const response of responses as AsyncIterable<InstanceType<typeof streams.ReadResp>>) {
        const event = response.getEvent();
        if (event !== undefined) yield convertGrpcEvent(event);
      }
    },
  };
}

function requestFor({ from, direction, maxCount, pattern }: FilteredRead) {
  const { Options } = streams.ReadReq;
  const options = new Options();
  options.setAll(placed(new Options.AllOptions(), from));
  options.setReadDirection(direction === 'backwards' ? Options.ReadDirection.BACKWARDS : Options.ReadDirection.FORWARDS);
  options.setResolveLinks(false);
  options.setCount(String(maxCount));
  options.setUuidOption(new Options.UUIDOption().setString(new shared.Empty()));
  const expression = new Options.FilterOptions.Expression().setRegex(pattern);
  const filter = new Options.FilterOptions().setStreamIdentifier(expression);
  options.setFilter(filter.setMax(SEARCH_WINDOW).setCheckpointintervalmultiplier(1));
  return new streams.ReadReq().setOptions(options);
}

type AllOptions = InstanceType<typeof streams.ReadReq.Options.AllOptions>;

function placed(all: AllOptions, from: Place | typeof END): AllOptions {
  if (from === START) return all.setStart(new shared.Empty());
  if (from === END) return all.setEnd(new shared.Empty());
  const position = new streams.ReadReq.Options.Position();
  position.setCommitPosition(String(from.commit));
  position.setPreparePosition(String(from.prepare));
  return all.setPosition(position);
}
