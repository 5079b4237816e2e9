/** A DCV server that asks its broker about a connection token: over TLS, byte for byte as its HTTP library (libsoup) writes the request. */
import { connect } from 'node:net';
import { connect as secure } from 'node:tls';

export interface DcvServer {
  readonly port: number;
  /** PEM. */
  readonly ca: string;
  /** Where it asks from: an address of the loopback network. */
  readonly address?: string;
}

/** How a question differs from that of a proper DCV server. */
export interface Oddities {
  readonly method?: string;
  /** Null: none. */
  readonly contentType?: string | null;
  /** Waits to be told to go on before it sends the body, as curl does. */
  readonly expectContinue?: boolean;
  readonly chunked?: boolean;
}

export interface Verdict {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

export const fields = (sessionId: string, authenticationToken: string, clientAddress = '192.0.2.7'): string =>
  new URLSearchParams({ sessionId, authenticationToken, clientAddress }).toString();

const TIMEOUT_MS = 30_000;

/** `body` goes as it is. */
export function ask({ port, ca, address = '127.0.0.1' }: DcvServer, body: string, oddities: Oddities = {}): Promise<Verdict> {
  const { method = 'POST', contentType = 'application/x-www-form-urlencoded', expectContinue = false, chunked = false } = oddities;
  const head = [
    `${method} /agent/validate-authentication-token HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'User-Agent: dcv libsoup/2.74.3',
    'Accept-Encoding: gzip, deflate',
    'Connection: close',
    ...(contentType === null ? [] : [`Content-Type: ${contentType}`]),
    ...(expectContinue ? ['Expect: 100-continue'] : []),
    chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  const sent = chunked ? `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
  return new Promise((resolve, reject) => {
    const socket = secure({
      socket: connect({ host: '127.0.0.1', port, localAddress: address }).on('error', reject),
      host: '127.0.0.1',
      ca,
    });
    let said = '';
    let isSent = !expectContinue;
    socket.setEncoding('utf8').setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
    socket.on('secureConnect', () => socket.write(`${head.join('\r\n')}\r\n\r\n${isSent ? sent : ''}`));
    socket.on('data', (part: string) => {
      said += part;
      if (isSent || !said.endsWith('\r\n\r\n')) return;
      isSent = true;
      if (said.startsWith('HTTP/1.1 100 ')) socket.write(sent);
    });
    socket.on('end', () => resolve(verdictFrom(said)));
    socket.on('error', reject);
  });
}

function verdictFrom(said: string): Verdict {
  const answer = said.replace(/^HTTP\/1\.1 100 .*?\r\n\r\n/s, '');
  const [head = '', ...text] = answer.split('\r\n\r\n');
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  return { status, type: /^content-type: (.*)$/im.exec(head)?.[1], text: text.join('\r\n\r\n') };
}
