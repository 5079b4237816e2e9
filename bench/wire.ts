/**
 * HTTPS as lean as a load generator needs it: one connection, one request at a time, bytes that were prepared before. With only two
 * processors every microsecond of the generator is one that the broker does not get.
 */
import { once } from 'node:events';
import { connect } from 'node:tls';

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export interface Wire {
  /** Rejects when the connection breaks. One at a time. */
  ask(request: Buffer): Promise<Answer>;
  close(): void;
}

export interface Target {
  /** Without a path. */
  readonly url: string;
  /** PEM. */
  readonly ca: string;
}

interface Asked {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

const HEADER_END = '\r\n\r\n';

/** Resolves after the TLS handshake. */
export async function openWire({ url, ca }: Target): Promise<Wire> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), ca, ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  socket.setNoDelay(true);
  let received: Buffer = Buffer.alloc(0);
  let asked: Asked | undefined;

  function fail(error: Error): void {
    asked?.reject(error);
    asked = undefined;
  }

  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = parse(received);
    if (answer === undefined) return;
    received = Buffer.alloc(0);
    const { resolve } = asked ?? { resolve: () => undefined };
    asked = undefined;
    resolve(answer);
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('The broker closed the connection.')));
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        asked = { resolve, reject };
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}

export function requestBytes({ url }: Target, path: string, headers: Readonly<Record<string, string>>, body: string): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = `content-length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.from(`POST ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\n${lines.join('')}${length}\r\n${body}`);
}

/** Undefined while something is missing. Only answers that declare their length are understood. */
function parse(received: Buffer): Answer | undefined {
  const end = received.indexOf(HEADER_END);
  if (end === -1) return undefined;
  const head = received.toString('latin1', 0, end);
  const [, length] = /content-length: (\d+)/i.exec(head) ?? [];
  if (length === undefined) throw new Error(`An answer without a length: ${head}`);
  const body = received.subarray(end + HEADER_END.length);
  return body.length < Number(length) ? undefined : { status: Number(head.slice(9, 12)), body };
}
