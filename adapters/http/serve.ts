/** Serves a Hono application over TLS, with limits against slow, large and endless requests. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import type { LimitCounters, LimitName } from './protection.ts';
import { refuse } from './reply.ts';

export interface ServeOptions {
  /** An address of this machine; `0.0.0.0` for all. */
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /** PEM. */
  readonly key: string;
  /** PEM; intermediate certificates behind the server's own. */
  readonly cert: string;
  /** PEM. Callers have to show a certificate that one of these has signed; absent: they need none. */
  readonly clientAuthorities?: readonly string[];
  readonly limits?: Partial<ServerLimits>;
  readonly counters?: Pick<LimitCounters, 'reached'>;
}

export interface ServerLimits {
  /** Connections at a time; more are dropped. */
  readonly maxConnections: number;
  /** From one address: a load balancer may stand for all agents, but nobody takes all there are. */
  readonly maxConnectionsPerAddress: number;
  readonly maxHeaderBytes: number;
  /** From the connection to the end of the TLS handshake. */
  readonly handshakeTimeoutMs: number;
  /** To the end of the headers. */
  readonly headersTimeoutMs: number;
  /** To the end of the request. Answers may take as long as they like, so that event streams stay open. */
  readonly requestTimeoutMs: number;
  /** Between requests. */
  readonly keepAliveTimeoutMs: number;
  /** What requests under way get when the server closes. */
  readonly closeTimeoutMs: number;
}

export interface Serving {
  readonly port: number;
  /** From now on callers are met with these; who is connected already notices nothing. */
  renew(keys: ServerKeys): void;
  /** Takes no more connections, lets requests under way end for a bounded time, then ends them. */
  close(): Promise<void>;
}

const DEFAULT_SERVER_LIMITS: ServerLimits = {
  maxConnections: 20_000,
  maxConnectionsPerAddress: 10_000,
  maxHeaderBytes: 16_384,
  handshakeTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  closeTimeoutMs: 5000,
};

/** How often Node looks for connections beyond their time. */
const CHECK_INTERVAL_MS = 1000;
const SWEEP_INTERVAL_MS = 50;

/** Throws a sentence that names address and port where it cannot listen. */
export async function serveHttps(app: Pick<Hono, 'fetch'>, options: ServeOptions): Promise<Serving> {
  const limits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
  const server = createTlsServer(app, options, limits);
  await listen(server, options);
  const renew = (keys: ServerKeys): void => server.setSecureContext(secureContext(keys));
  return { port: (server.address() as AddressInfo).port, renew, close: () => close(server, limits.closeTimeoutMs) };
}

type ServerKeys = Pick<ServeOptions, 'key' | 'cert' | 'clientAuthorities'>;

const secureContext = ({ key, cert, clientAuthorities }: ServerKeys): SecureContextOptions => ({
  key,
  cert,
  minVersion: 'TLSv1.2',
  ...(clientAuthorities && { ca: [...clientAuthorities] }),
});

function createTlsServer(app: Pick<Hono, 'fetch'>, keys: ServeOptions, limits: ServerLimits): Server {
  const asksClients = keys.clientAuthorities !== undefined;
  const server = createServer(
    {
      ...secureContext(keys),
      requestCert: asksClients,
      rejectUnauthorized: asksClients,
      handshakeTimeout: limits.handshakeTimeoutMs,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      maxHeaderSize: limits.maxHeaderBytes,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      // Node would refuse it without a word; so it comes to the listener, which does not.
      requireHostHeader: false,
    },
    getRequestListener(app.fetch, { errorHandler: () => refuse(400, 'The request has no valid address or host.') }),
  );
  const reached = (limit: LimitName): void => keys.counters?.reached(limit);
  server.maxConnections = limits.maxConnections;
  server.on('drop', () => reached('connections'));
  limitPerAddress(server, limits.maxConnectionsPerAddress, () => reached('connections-of-address'));
  server.on('checkExpectation', refuseExpectation);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const limit = LIMITS[String(error.code)];
    if (limit !== undefined) reached(limit);
    refuseUnreadable(error, socket);
  });
  return server;
}

const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

const LIMITS: Readonly<Record<string, LimitName>> = {
  HPE_HEADER_OVERFLOW: 'header-bytes',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'handshake-timeout',
};

/** The only thing that may be expected is to be told to go on, and Node sees to that by itself. */
function refuseExpectation(_: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify({ error: 'Expect: only 100-continue is known here.' });
  response.writeHead(417, { connection: 'close', 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

/** Before TLS, so that whoever has too many costs no handshake. */
function limitPerAddress(server: Server, most: number, reached: () => void): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = String(socket.remoteAddress);
    const count = open.get(address) ?? 0;
    if (count >= most) {
      reached();
      socket.destroy();
      return;
    }
    open.set(address, count + 1);
    socket.once('close', () => {
      const left = Number(open.get(address)) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
}

/** What is no HTTP never reaches the application, but is answered in the same shape. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  // Before the end of the handshake nothing can be said, and the connection would wait for ever to say it.
  const isUnheard = error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT';
  if (isUnheard || !socket.writable) return void socket.destroy();
  const status = STATUS_LINES[String(error.code)] ?? '400 Bad Request';
  const body = JSON.stringify({ error: status.slice(4) });
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses this port',
  EACCES: 'this user may not use this port',
  EADDRNOTAVAIL: 'this machine has no such address',
};

function listen(server: Server, { host, port }: ServeOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(`Cannot listen on ${host} port ${port}: ${REASONS[String(error.code)] ?? error.message}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

function close(server: Server, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    // A connection that answers its last request now stays open for the next one, unless somebody looks after it.
    const sweeping = setInterval(() => server.closeIdleConnections(), SWEEP_INTERVAL_MS);
    const impatience = setTimeout(() => server.closeAllConnections(), timeoutMs);
    server.close(() => {
      clearInterval(sweeping);
      clearTimeout(impatience);
      resolve();
    });
  });
}
