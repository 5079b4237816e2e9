/** A connection to one of the doors that says any bytes, and hears what is answered, however it is answered. */
import { once } from 'node:events';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';

export interface Heard {
  readonly status: number;
  /** In small letters. */
  readonly headers: ReadonlyMap<string, string>;
  /** What there was of it when it was over, or long enough. */
  readonly body: string;
  /** It goes on for as long as somebody listens. */
  readonly isEndless: boolean;
}

export interface Outcome {
  readonly heard: readonly Heard[];
  /** Neither answered nor hung up within the patience. */
  readonly isStalled: boolean;
  readonly ms: number;
}

export interface Said {
  readonly bytes: Buffer;
  /** Answers to these have no body. */
  readonly isHead: boolean;
  /** Nothing follows: we end our side, and listen until the other ends its. */
  readonly isLast: boolean;
}

export interface Line {
  /** One at a time. Opens a connection where there is none. */
  say(said: Said): Promise<Outcome>;
  close(): void;
}

export interface Door {
  readonly port: number;
  /** PEM. */
  readonly ca: string;
}

/** Of an answer that goes on, nobody needs more. */
const ENOUGH_BYTES = 256 * 1024;
/** Made once for each authority: it takes longer than everything else about a connection. */
const contexts = new Map<string, SecureContext>();
const EMPTY = Buffer.alloc(0);

export function openLine({ port, ca }: Door, patienceMs: number): Line {
  let socket: TLSSocket | undefined;
  let session: Buffer | undefined;
  let received: Buffer = EMPTY;
  let isClosed = true;
  let notice: () => void = () => undefined;

  async function open(): Promise<TLSSocket> {
    const fresh = connect({ host: '127.0.0.1', port, secureContext: contextFor(ca), ...(session && { session }) });
    socket = fresh;
    received = EMPTY;
    isClosed = false;
    fresh.setNoDelay(true);
    fresh.on('error', () => undefined);
    fresh.on('session', (told: Buffer) => {
      session = told;
    });
    fresh.on('data', (part: Buffer) => {
      received = received.length === 0 ? part : Buffer.concat([received, part]);
      notice();
    });
    fresh.on('close', () => {
      if (socket !== fresh) return;
      isClosed = true;
      notice();
    });
    await once(fresh, 'secureConnect');
    return fresh;
  }

  function hangUp(): void {
    socket?.destroy();
    socket = undefined;
    isClosed = true;
  }

  async function say({ bytes, isHead, isLast }: Said): Promise<Outcome> {
    const startedAt = performance.now();
    const used = socket === undefined || isClosed ? await open() : socket;
    received = EMPTY;
    if (isLast) used.end(bytes);
    else used.write(bytes);
    const isOver = await waited((over) => {
      notice = () => {
        const first = parse(received, isHead);
        if (isClosed || (first !== undefined && (first.isEndless || !isLast))) over();
      };
      notice();
    }, patienceMs);
    notice = () => undefined;
    const heard = answersIn(received, isHead, isLast);
    if (isLast || !isOver || heard.some(({ isEndless, headers }) => isEndless || headers.get('connection') === 'close')) hangUp();
    return { heard, isStalled: !isOver, ms: performance.now() - startedAt };
  }

  return { say, close: hangUp };
}

function contextFor(ca: string): SecureContext {
  const context = contexts.get(ca) ?? createSecureContext({ ca });
  contexts.set(ca, context);
  return context;
}

function waited(begin: (over: () => void) => void, patienceMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const impatience = setTimeout(() => resolve(false), patienceMs);
    begin(() => {
      clearTimeout(impatience);
      resolve(true);
    });
  });
}

/** Bytes that are no request may be several, or hold one with HEAD. */
function answersIn(received: Buffer, isHead: boolean, isLast: boolean): readonly Heard[] {
  const all: Heard[] = [];
  let rest = received;
  while (rest.length > 0) {
    const found = parse(rest, isHead) ?? (isLast ? parse(rest, true) : undefined);
    if (found === undefined) break;
    all.push(found);
    rest = rest.subarray(found.bytes);
    if (!isLast) break;
  }
  return all;
}

/** The first answer in it; undefined while something is missing. */
function parse(received: Buffer, isHead: boolean): (Heard & { readonly bytes: number }) | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? 0);
  const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]));
  const start = end + 4;
  if (status >= 100 && status < 200) {
    const next = parse(received.subarray(start), isHead);
    return next && { ...next, bytes: next.bytes + start };
  }
  const rest = received.subarray(start);
  const told = (body: string, length: number, isEndless = false) => ({ status, headers, body, isEndless, bytes: start + length });
  if (isHead || status === 204 || status === 304) return told('', 0);
  const length = headers.get('content-length');
  if (length !== undefined) {
    if (rest.length >= Number(length)) return told(rest.toString('utf8', 0, Number(length)), Number(length));
    return undefined;
  }
  const chunks = chunksIn(rest);
  if (chunks.isOver) return told(chunks.text, chunks.bytes);
  const isEndless = FEEDS.test(headers.get('content-type') ?? '') || rest.length > ENOUGH_BYTES;
  return isEndless ? told(chunks.text, rest.length, true) : undefined;
}

/** Exports and feeds: nobody waits for their end. */
const FEEDS = /jsonl|csv|event-stream/;

function chunksIn(body: Buffer): { readonly text: string; readonly bytes: number; readonly isOver: boolean } {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at);
    if (lineEnd === -1) break;
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    const from = lineEnd + 2;
    if (!(from + size + 2 <= body.length)) break;
    if (size === 0) return { text: Buffer.concat(parts).toString('utf8'), bytes: from + 2, isOver: true };
    parts.push(body.subarray(from, from + size));
    at = from + size + 2;
  }
  return { text: Buffer.concat(parts).toString('utf8'), bytes: at, isOver: false };
}
