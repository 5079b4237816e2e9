/** HTTPS to the broker: posts that answer in time, and one stream that stays open. */

import { readFile } from 'node:fs/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';
import type { BrokerAddress } from './brokers.ts';
import { messageOf } from './thrown.ts';

/** How brokers are trusted. */
export interface BrokerTrust {
  /** PEM; absent: the authorities that Node trusts. */
  readonly ca?: string | undefined;
  /** False takes any certificate: for trying things out. */
  readonly tlsStrict: boolean;
}

export interface Answer {
  readonly status: number;
  /** Undefined when the body is not JSON. */
  readonly body: unknown;
}

export interface BrokerHttp {
  /** Rejects with a sentence when there is no answer in time. `authorization`: the header's value. */
  post(path: string, body: object | URLSearchParams, authorization: string | undefined): Promise<Answer>;
  /** The body of a stream, or the answer that came in its place. */
  open(path: string, authorization: string | undefined): Promise<Readable | Answer>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5000;
/** A broker that starts with a thousand agents at its door takes its time; one that is dead is noticed by its silence. */
const ANSWER_TIMEOUT_MS = 30_000;

/** The file is read for every connection, so that one that was exchanged counts from the next try on. Rejects with a sentence that names it. */
export async function readTrust(config: { readonly caFile?: string | undefined; readonly tlsStrict: boolean }): Promise<BrokerTrust> {
  const { caFile, tlsStrict } = config;
  if (caFile === undefined) return { tlsStrict };
  const ca = await readFile(caFile, 'utf8').catch((error) => {
    throw new Error(`the authority of the broker's certificate, agent.ca_file, cannot be read: ${messageOf(error)}`);
  });
  if (!ca.includes('-----BEGIN CERTIFICATE-----')) throw new Error(`agent.ca_file: there is no certificate (PEM) in ${caFile}`);
  return { ca, tlsStrict };
}

/** All its sockets go to the one address, because a broker knows nothing of what was said to another. */
export function createBrokerHttp({ host, port, address }: BrokerAddress, { ca, tlsStrict }: BrokerTrust): BrokerHttp {
  const trust = { ca, rejectUnauthorized: tlsStrict, timeout: CONNECT_TIMEOUT_MS };
  const dispatcher = new Agent({
    connect: address === undefined ? trust : { ...trust, autoSelectFamily: false, lookup: only(address) },
    // One for the stream, one for reports, one for pictures.
    connections: 3,
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
  });
  const origin = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;

  /** Says which broker, because the message of a socket error often does not. */
  async function ask(path: string, options: Omit<Dispatcher.RequestOptions, 'origin' | 'path'>): Promise<Dispatcher.ResponseData> {
    return request(`${origin}${path}`, { ...options, dispatcher }).catch((error) => {
      throw new Error(`the broker at ${origin} does not answer: ${messageOf(error)}`, { cause: error });
    });
  }

  return {
    async post(path, body, authorization) {
      const form = body instanceof URLSearchParams;
      const headers = { 'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json', ...authorized(authorization) };
      return answerOf(await ask(path, { method: 'POST', headers, body: form ? body.toString() : JSON.stringify(body) }));
    },
    async open(path, authorization) {
      const headers = { accept: 'text/event-stream', ...authorized(authorization) };
      // The silence of a stream is judged by whoever reads it.
      const response = await ask(path, { method: 'GET', headers, bodyTimeout: 0 });
      return response.statusCode === 200 ? response.body : answerOf(response);
    },
    close: () => dispatcher.destroy(),
  };
}

/** The certificate is still asked for the name. */
const only =
  (address: string): LookupFunction =>
  (_, __, found) =>
    found(null, address, isIP(address));

function authorized(authorization: string | undefined): Record<string, string> {
  return authorization === undefined ? {} : { authorization };
}

async function answerOf({ statusCode, body }: Dispatcher.ResponseData): Promise<Answer> {
  const text = await body.text();
  try {
    return { status: statusCode, body: JSON.parse(text) };
  } catch {
    return { status: statusCode, body: undefined };
  }
}

/** What the broker said, for a log line. */
export function complaintOf({ status, body }: Answer): string {
  const { error, message, error_description: description } = Object(body);
  const said = [error, message, description].filter((part) => typeof part === 'string').join(': ');
  return said === '' ? `status ${status}` : `status ${status}, ${said}`;
}
