/** One conversation with a broker, step by step, so that it is known which step fails: connection, TLS, and a question that anybody may ask. */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import { type PeerCertificate, connect as secure, type TLSSocket } from 'node:tls';

export interface Door {
  /** As it is configured; the certificate is asked for it. */
  readonly host: string;
  readonly port: number;
  /** Where that leads. */
  readonly address: string;
}

export interface Certificate {
  /** Why it is not trusted, as a code of OpenSSL or Node. */
  readonly fault: string | undefined;
  /** The names and addresses that it is for. */
  readonly names: string;
  /** From the server's own upwards. */
  readonly chain: readonly string[];
  /** Milliseconds since 1970 (UTC). */
  readonly until: number;
}

export interface Health {
  readonly status: number;
  /** Milliseconds since 1970 (UTC) by the clock of the broker, to the second; undefined where it does not say. */
  readonly time: number | undefined;
}

/** Rejects with what the socket says; `code` is ETIMEDOUT after `timeoutMs`. */
export async function reach({ port, address }: Door, timeoutMs: number): Promise<Socket> {
  const socket = connect({ host: address, port });
  return settled(socket, 'connect', timeoutMs);
}

/** Takes any certificate, and says what is wrong with it. `ca`: PEM; undefined: the authorities that Node trusts. */
export async function shakeHands(socket: Socket, { host }: Door, ca: string | undefined, timeoutMs: number): Promise<TLSSocket> {
  const named = isIP(host) === 0 ? { servername: host } : {};
  return settled(secure({ socket, host, ...named, ca, rejectUnauthorized: false }), 'secureConnect', timeoutMs);
}

export function certificateOf(socket: TLSSocket): Certificate {
  const peer = socket.getPeerCertificate(true);
  const chain: string[] = [];
  for (let each = peer; each?.subject !== undefined && !chain.includes(nameOf(each)); each = each.issuerCertificate)
    chain.push(nameOf(each));
  const fault: unknown = socket.authorizationError;
  return {
    fault: socket.authorized ? undefined : String((fault as NodeJS.ErrnoException)?.code ?? fault),
    names: (peer.subjectaltname ?? '').replaceAll(/(DNS|IP Address):/g, ''),
    chain,
    until: Date.parse(peer.valid_to),
  };
}

const nameOf = ({ subject }: Pick<PeerCertificate, 'subject'>): string => String(subject.CN ?? subject.O);

/** Ends the conversation. */
export async function askHealth(socket: TLSSocket, { host, port }: Door, timeoutMs: number): Promise<Health> {
  const headers = { connection: 'close' };
  const asked = request({ host, port, path: '/health', headers, createConnection: () => socket, timeout: timeoutMs });
  asked.on('timeout', () => asked.destroy(late(timeoutMs)));
  asked.end();
  const [response] = await once(asked, 'response');
  response.resume();
  socket.destroy();
  const time = Date.parse(String(response.headers.date));
  return { status: Number(response.statusCode), time: Number.isNaN(time) ? undefined : time };
}

async function settled<S extends Socket>(socket: S, event: string, timeoutMs: number): Promise<S> {
  const impatience = setTimeout(() => socket.destroy(late(timeoutMs)), timeoutMs);
  // It breaks when the conversation is over, too, and nobody is to be told then.
  socket.on('error', () => undefined);
  try {
    await once(socket, event);
    return socket;
  } finally {
    clearTimeout(impatience);
  }
}

const late = (timeoutMs: number): Error => Object.assign(new Error(`no answer within ${timeoutMs / 1000} s`), { code: 'ETIMEDOUT' });
