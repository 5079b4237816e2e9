/** The client API as its callers reach it: asks for a token when it needs one, and reads answers by the models of the wire. */
import { Agent, request } from 'undici';
import { z } from 'zod';
import { type OperationId, operations } from '../http/operations.ts';
import { ClientFault, EXIT } from './client-fault.ts';
import { networkFault, type Reached } from './network-fault.ts';
import type { ClientCredentials, ClientSettings } from './settings.ts';

type Operations = typeof operations;
export type AnswerTo<Id extends OperationId> = z.infer<Extract<Operations[number], { readonly id: Id }>['response']>;

export interface Client {
  /**
   * The answer to a call that succeeded, as it came. `parts` go into the path in their order. Throws ClientFault, also when the answer is not of the
   * shape of this API.
   */
  call<Id extends OperationId>(id: Id, body?: unknown, parts?: readonly string[]): Promise<AnswerTo<Id>>;
  close(): Promise<void>;
}

type Connection = Pick<ClientSettings, 'brokerUrl' | 'access' | 'ca' | 'verify'>;

export interface ClientOptions {
  /** Told of every request and its answer, without what is secret in them. */
  readonly trace?: (line: string) => void;
  readonly timeoutMs?: number;
}

/** Longer than a create call waits for a server. */
const TIMEOUT_MS = 30_000;
const CONNECT_MS = 10_000;
/** A page of 1,000 sessions is below 1 MB; a batch of screenshots is larger. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const tokenAnswer = z.object({ access_token: z.string().min(1) });

interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
  readonly reached: Reached;
}

interface Answered {
  readonly status: number;
  readonly text: string;
}

export function createClient({ brokerUrl, access, ca, verify }: Connection, options: ClientOptions = {}): Client {
  const { trace = () => undefined, timeoutMs = TIMEOUT_MS } = options;
  const connect = { timeout: CONNECT_MS, rejectUnauthorized: verify, ...(ca !== undefined && { ca }) };
  const dispatcher = new Agent({ connect, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, maxResponseSize: MAX_ANSWER_BYTES });
  let token = 'token' in access ? access.token : undefined;

  async function send({ method, url, headers, body, reached }: Asked): Promise<Answered> {
    const startedAt = performance.now();
    try {
      const { statusCode: status, body: answer } = await request(url, { method, headers, body, dispatcher });
      const text = await answer.text();
      trace(`${method} ${url}: ${status}, ${text.length} characters, ${Math.round(performance.now() - startedAt)} ms`);
      return { status, text };
    } catch (error) {
      const fault = networkFault(error, reached);
      trace(`${method} ${url}: ${fault.message}`);
      throw fault;
    }
  }

  async function call<Id extends OperationId>(id: Id, body?: unknown, parts: readonly string[] = []): Promise<AnswerTo<Id>> {
    const { method, path, response } = operations.find((operation) => operation.id === id) as Operations[number];
    const url = `${brokerUrl}${filled(path, parts)}`;
    const reached: Reached = { url: brokerUrl, what: 'broker', flag: '--broker-url' };
    const ask = async (isFresh: boolean): Promise<Answered> => {
      token ??= await tokenOf(access as ClientCredentials, send);
      const headers = { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) };
      const answered = await send({ method, url, headers, body: body === undefined ? null : JSON.stringify(body), reached });
      if (answered.status !== 401 || isFresh || 'token' in access) return answered;
      // It has expired, or its key or client is gone: a new one tells.
      token = undefined;
      return ask(true);
    };
    const { status, text } = await ask(token === undefined);
    if (status !== 200) throw refusal(status, text, access);
    return shaped(response, text) as AnswerTo<Id>;
  }

  return { call, close: () => dispatcher.close() };
}

async function tokenOf({ authServerUrl, id, password }: ClientCredentials, send: (asked: Asked) => Promise<Answered>): Promise<string> {
  const reached: Reached = { url: new URL(authServerUrl).origin, what: 'authorization server', flag: '--auth-server-url' };
  const headers = {
    authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`,
    'content-type': 'application/x-www-form-urlencoded',
  };
  // Where the address holds the grant, as the original's does, it is not said twice.
  const body = new URL(authServerUrl).searchParams.has('grant_type') ? '' : 'grant_type=client_credentials';
  const { status, text } = await send({ method: 'POST', url: authServerUrl, headers, body, reached });
  if (status === 400 && errorIn(text)?.error === 'invalid_scope') {
    throw new ClientFault(EXIT.service, `This client gets no such token (400: ${saidIn(text)}). Check scope in --auth-server-url.`);
  }
  if (status === 400 || status === 401) {
    throw new ClientFault(
      EXIT.service,
      `The authorization server does not take these credentials (${status}: ${saidIn(text)}). Check the client id and its password.`,
    );
  }
  const answer = status === 200 ? tokenAnswer.safeParse(jsonOf(text)) : undefined;
  if (answer?.success) return answer.data.access_token;
  throw new ClientFault(EXIT.service, `${reached.url} gives no token (${status}: ${saidIn(text)}). Check --auth-server-url.`, {
    passes: status >= 500,
  });
}

const filled = (path: string, parts: readonly string[]): string =>
  parts.reduce((filling, part) => filling.replace(/\{\w+\}/, () => encodeURIComponent(part)), path);

/** A newer broker may say more than is known here, which is no reason not to pass it on. */
function shaped(schema: z.ZodType, text: string): unknown {
  const json = jsonOf(text);
  const parsed = schema.safeParse(json);
  if (parsed.success || parsed.error.issues.every(({ code }) => code === 'unrecognized_keys')) return json;
  throw new ClientFault(EXIT.service, 'What answered is no session manager: its answer is of another shape. Check --broker-url.');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const errorAnswer = z.object({ error: z.string(), error_description: z.string().optional() });
const MAX_SAID = 500;

const errorIn = (text: string) => errorAnswer.safeParse(jsonOf(text)).data;

/** The sentence in an error's body. */
function saidIn(text: string): string {
  const { error_description: description, error = text.trim() } = errorIn(text) ?? {};
  const said = description ?? error;
  return said.slice(0, MAX_SAID) || 'without a reason';
}

function refusal(status: number, text: string, access: ClientSettings['access']): ClientFault {
  const said = saidIn(text);
  if (status === 401) {
    const advice =
      'token' in access
        ? 'Get a new one into DCV_SM_OAUTH2_TOKEN, or unset it.'
        : 'Check that the authorization server is one that this broker trusts.';
    return new ClientFault(EXIT.service, `The broker does not take the token (401: ${said}). ${advice}`);
  }
  if (status === 403) {
    const advice =
      'token' in access
        ? 'Get a token that may into DCV_SM_OAUTH2_TOKEN.'
        : 'Use another client, or have one registered that may, on the machine of the broker: berth register-api-client.';
    return new ClientFault(EXIT.service, `This client may not do that (403: ${said}). ${advice}`);
  }
  const passes = status === 429 || status >= 500;
  return new ClientFault(EXIT.service, `The broker answered ${status}: ${said}${passes ? ' Try again shortly.' : ''}`, { passes });
}
