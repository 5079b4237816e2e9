/** The link to the brokers over HTTPS, one at a time: a greeting, a stream of orders down, posts up. See broker-link.ts for what it promises. */
import type { Readable } from 'node:stream';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Logger } from '../adapters/logging.ts';
import { acknowledgedSchema, orderSchema, welcomeSchema } from '../adapters/wire/agent.ts';
import type { Greeting, Welcome } from '../domain/ports/agent-link.ts';
import { type Answer, type BrokerHttp, complaintOf } from './broker-http.ts';
import type { BrokerConnection, BrokerLink, LinkHandlers } from './broker-link.ts';
import type { BrokerAddress, Brokers } from './brokers.ts';
import type { Credentials } from './credentials.ts';
import { messageOf } from './thrown.ts';

export interface LinkDeps {
  readonly brokers: Brokers;
  open(broker: BrokerAddress): BrokerHttp | Promise<BrokerHttp>;
  readonly credentials: Credentials;
  readonly log: Logger;
}

/** An order with the largest permissions file fits several times. */
const MAX_EVENT_CHARACTERS = 8 * 1024 * 1024;

/** What one connection is made of. */
interface Parts {
  readonly http: BrokerHttp;
  readonly credentials: Credentials;
  readonly log: Logger;
}

export function createBrokerLink({ brokers, open, credentials, log }: LinkDeps): BrokerLink {
  let opening: Promise<BrokerHttp> | undefined;

  async function hangUp(): Promise<void> {
    const http = opening;
    opening = undefined;
    await (await http?.catch(() => undefined))?.close();
  }

  return {
    async connect(greeting, handlers) {
      opening ??= brokers.current().then(open);
      const parts = { http: await opening, credentials, log };
      const welcome = await greet(greeting, parts);
      return createConnection(welcome, await openOrders(welcome, parts), handlers, parts);
    },
    turn() {
      brokers.turn();
      void hangUp();
    },
    brokers: brokers.count,
    close: hangUp,
  };
}

async function greet(greeting: Greeting, parts: Parts): Promise<Welcome> {
  const answer = await post('/agent/connect', greeting, parts);
  if (answer.status === 401) throw new Error(parts.credentials.advice(answer));
  if (answer.status !== 200) throw new Error(`the broker did not welcome this agent: ${complaintOf(answer)}`);
  return welcomeSchema.parse(answer.body);
}

/** A token can be refused before its time, when the broker renewed its keys: a new one is asked for, once. */
async function post(path: string, body: object, { http, credentials }: Parts): Promise<Answer> {
  const answer = await http.post(path, body, await credentials.authorization(http));
  if (answer.status !== 401) return answer;
  credentials.refused();
  return http.post(path, body, await credentials.authorization(http));
}

async function openOrders({ connectionId }: Welcome, { http, credentials }: Parts): Promise<Readable> {
  const stream = await http.open(`/agent/orders?connectionId=${connectionId}`, await credentials.authorization(http));
  if ('status' in stream) throw new Error(`the broker did not open the order stream: ${complaintOf(stream)}`);
  return stream;
}

function createConnection(welcome: Welcome, stream: Readable, handlers: LinkHandlers, parts: Parts): BrokerConnection {
  const { connectionId } = welcome;
  let ended = false;

  function end(reason: string): void {
    if (ended) return;
    ended = true;
    stream.destroy();
    handlers.closed(reason);
  }

  async function say(path: string, body: object): Promise<unknown> {
    try {
      const answer = await post(path, { connectionId, ...body }, parts);
      if (answer.status !== 200) throw new Error(complaintOf(answer));
      return answer.body;
    } catch (error) {
      end(messageOf(error));
      throw error;
    }
  }

  const read = createOrderReader(handlers, parts.log, end);
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    handlers.alive();
    read(text);
  });
  stream.on('error', (error) => end(`the order stream broke: ${error.message}`));
  stream.on('close', () => end('the broker closed the order stream'));
  return {
    welcome,
    async report(reports, telemetry) {
      return acknowledgedSchema.parse(await say('/agent/reports', { reports, telemetry })).acknowledged;
    },
    async screenshots(orderId, outcome) {
      await say('/agent/screenshots', { orderId, ...outcome });
    },
    close() {
      ended = true;
      stream.destroy();
    },
  };
}

/** Takes the text of a server-sent event stream, in pieces. */
function createOrderReader(handlers: LinkHandlers, log: Logger, end: (reason: string) => void): (text: string) => void {
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onEvent(event) {
      const order = orderSchema.safeParse(jsonOf(event));
      if (order.success) handlers.order(order.data);
      else log.error({ eventId: event.id, problem: order.error.issues[0]?.message }, 'an order is not one that this agent knows');
    },
    onError(error) {
      // Fields that it does not know are to be passed over.
      if (error.type === 'max-buffer-size-exceeded') end('an order of the broker is larger than this agent takes');
    },
  });
  return (text) => parser.feed(text);
}

function jsonOf({ data }: EventSourceMessage): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
