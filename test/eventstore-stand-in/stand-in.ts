/**
 * A stand-in for EventStoreDB: the part of its protocol that the adapter uses, on the service definitions of the client's own package, with
 * the rules and the habits that were measured on the real server. In-process (`startStandIn`), or as a process of its own:
 * `node dist/test/eventstore-stand-in/stand-in.js PORT [FILE]`, which prints one line when it is ready and keeps its data in FILE.
 */
import { EventEmitter, once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { PersistentSubscriptionsService } from '@eventstore/db-client/generated/persistent_grpc_pb.js';
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import { Server as GrpcServer, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { append, batchAppend, remove, tombstone } from './appends.ts';
import { createGroup, deleteGroup, groupInfo, readGroup } from './groups.ts';
import { read } from './reads.ts';
import type { Consumer, Faults, Server } from './server.ts';
import { createStore, type Store } from './store.ts';

export interface StandIn {
  readonly port: number;
  readonly url: string;
  readonly faults: Faults;
  /** Deletes a stream, as an operator can. */
  remove(stream: string, forEver: boolean): boolean;
  readonly tamper: Store['tamper'];
  /** Every connection is cut, as when the process is killed. */
  stop(): Promise<void>;
  /** On the same port, with the same data; what the real server keeps in memory only is gone. `empty`: as another server with nothing in it. */
  start(options?: { readonly empty?: boolean }): Promise<void>;
}

export interface StandInOptions {
  /** 0: any free one. */
  readonly port?: number;
  /** Where the data is kept; absent: in memory. */
  readonly file?: string;
}

/** The real server's bound, which subscriptions count against too. */
const STREAMS_PER_CONNECTION = 100;
const NO_FAULTS = {
  notReady: false,
  denied: false,
  subscriptionsDenied: false,
  silentReads: false,
  silentGroups: false,
  silentSubscriptions: false,
  maxAppendSize: 1024 * 1024,
};
const VERSION = '24.6.0-stand-in';

export async function startStandIn({ port: wantedPort = 0, file }: StandInOptions = {}): Promise<StandIn> {
  let store = createStore(file);
  const faults: Faults = { appends: [], ...NO_FAULTS };
  const bell = new EventEmitter().setMaxListeners(0);
  let groups = new Map<string, Set<Consumer>>();
  let grpc: GrpcServer | undefined;
  let flushing: Promise<void> | undefined;

  /** Like the real server it makes one flush for whatever has come. */
  async function flush(): Promise<void> {
    await new Promise(setImmediate);
    flushing = undefined;
    store.commit();
    bell.emit('news');
  }

  const server: Server = {
    get store() {
      return store;
    },
    faults,
    consumers(group) {
      const known = groups.get(group) ?? new Set();
      groups.set(group, known);
      return known;
    },
    flushed() {
      flushing ??= flush();
      return flushing;
    },
    news: async () => void (await once(bell, 'news')),
    stop,
  };

  async function stop(): Promise<void> {
    grpc?.forceShutdown();
    grpc = undefined;
    groups = new Map();
    bell.emit('news');
  }

  async function start(port: number): Promise<number> {
    grpc = createGrpcServer(server);
    return await listen(grpc, port);
  }

  const port = await start(wantedPort);
  return {
    port,
    url: `esdb://127.0.0.1:${port}?tls=false`,
    faults,
    remove: (stream, forEver) => store.remove(stream, forEver),
    tamper: (stream, change) => store.tamper(stream, change),
    stop,
    async start({ empty = false } = {}) {
      if (empty) store = createStore();
      else store.forget();
      await start(port);
    },
  };
}

function createGrpcServer(server: Server): GrpcServer {
  const grpc = new GrpcServer({
    'grpc.max_concurrent_streams': STREAMS_PER_CONNECTION,
    'grpc.max_receive_message_length': 17 * 1024 * 1024,
  });
  grpc.addService(ServerFeaturesService, { getSupportedMethods: supportedMethods });
  grpc.addService(StreamsService, {
    read: (call: Parameters<typeof read>[1]) => void read(server, call),
    append: (call: Parameters<typeof append>[1], reply: Parameters<typeof append>[2]) => append(server, call, reply),
    batchAppend: (call: Parameters<typeof batchAppend>[1]) => batchAppend(server, call),
    delete: (call: Parameters<typeof remove>[1], reply: Parameters<typeof remove>[2]) => remove(server, call, reply),
    tombstone: (call: Parameters<typeof tombstone>[1], reply: Parameters<typeof tombstone>[2]) => tombstone(server, call, reply),
  });
  grpc.addService(PersistentSubscriptionsService, {
    create: (call: Parameters<typeof createGroup>[1], reply: Parameters<typeof createGroup>[2]) => createGroup(server, call, reply),
    delete: (call: Parameters<typeof deleteGroup>[1], reply: Parameters<typeof deleteGroup>[2]) => deleteGroup(server, call, reply),
    getInfo: (call: Parameters<typeof groupInfo>[1], reply: Parameters<typeof groupInfo>[2]) => groupInfo(server, call, reply),
    read: (call: Parameters<typeof readGroup>[1]) => readGroup(server, call),
  });
  return grpc;
}

function supportedMethods(
  _: ServerUnaryCall<unknown, unknown>,
  reply: sendUnaryData<InstanceType<typeof features.SupportedMethods>>,
): void {
  const methods = new features.SupportedMethods();
  methods.setEventStoreServerVersion(VERSION);
  const batch = new features.SupportedMethod();
  batch.setServiceName('event_store.client.streams.streams');
  batch.setMethodName('batchappend');
  batch.setFeaturesList(['deadline_duration']);
  const persistent = new features.SupportedMethod();
  persistent.setServiceName('event_store.client.persistent_subscriptions.persistentsubscriptions');
  persistent.setMethodName('getinfo');
  persistent.setFeaturesList(['stream', 'all']);
  methods.setMethodsList([batch, persistent]);
  reply(null, methods);
}

function listen(grpc: GrpcServer, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    grpc.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , port = '2113', file] = process.argv;
  const standIn = await startStandIn({ port: Number(port), ...(file === undefined ? {} : { file }) });
  process.stdout.write(`The stand-in for EventStoreDB is ready at ${standIn.url}\n`);
  process.once('SIGTERM', () => process.exit(0));
}
