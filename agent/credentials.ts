/**
 * Who the agent is to its brokers: enrolled once with a software statement, then known by an id and a secret, then by short-lived tokens. All brokers on one
 * log know all of these.
 */
import { readFile } from 'node:fs/promises';
import { PRIVATE_MODE, replaceFile } from '../adapters/files.ts';
import type { Logger } from '../adapters/logging.ts';
import { registeredSchema, tokenSchema } from '../adapters/wire/agent.ts';
import type { Clock } from '../domain/ports/clock.ts';
import { type Answer, type BrokerHttp, complaintOf } from './broker-http.ts';
import { readIfThere } from './file-storage.ts';

export interface Credentials {
  /** The Authorization header, with a new token of this broker's when it is time; undefined for an agent without a software statement, whose broker asks for none. */
  authorization(http: BrokerHttp): Promise<string | undefined>;
  /** The broker did not take the last token. */
  refused(): void;
}

export interface CredentialsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** How this agent is called in the broker's list of agent clients. */
  readonly clientName: string;
  readonly softwareStatementPath?: string | undefined;
  /** Where id and secret are kept. */
  readonly path: string;
}

export interface Client {
  readonly id: string;
  readonly secret: string;
}

interface Token {
  readonly header: string;
  /** When to ask for the next one. */
  readonly renewAt: number;
}

/** A token is renewed when this part of its life is over. */
const RENEWAL = 0.8;

export function createCredentials(deps: CredentialsDeps): Credentials {
  const { clock, log } = deps;
  let token: Token | undefined;
  let asking: Promise<Token> | undefined;

  async function newToken(http: BrokerHttp): Promise<Token> {
    const stored = await storedClient(deps.path);
    const answer = stored && (await askForToken(http, stored));
    if (answer?.status === 200) return tokenFrom(answer, clock.now());
    if (answer !== undefined && answer.status !== 400 && answer.status !== 401) throw refusal('no token', answer);
    if (answer !== undefined) log.warn({ answer: complaintOf(answer) }, 'the broker does not know this agent any more; enrolling again');
    const again = await askForToken(http, await enrol(http));
    if (again.status !== 200) throw refusal('no token', again);
    return tokenFrom(again, clock.now());
  }

  async function enrol(http: BrokerHttp): Promise<Client> {
    const statement = (await readFile(String(deps.softwareStatementPath), 'utf8')).trim();
    const request = { client_name: deps.clientName, software_statement: statement, grant_types: ['client_credentials'] };
    const answer = await http.post('/agent/register', request, undefined);
    if (answer.status !== 201) throw refusal('not enrolled', answer);
    const { client_id: id, client_secret: secret } = registeredSchema.parse(answer.body);
    await replaceFile(deps.path, `${JSON.stringify({ id, secret })}\n`, PRIVATE_MODE);
    log.info({ clientId: id }, 'enrolled with the broker');
    return { id, secret };
  }

  return {
    async authorization(http) {
      if (deps.softwareStatementPath === undefined && (await storedClient(deps.path)) === undefined) return undefined;
      if (token === undefined || clock.now() >= token.renewAt) {
        asking ??= newToken(http).finally(() => {
          asking = undefined;
        });
        token = await asking;
      }
      return token.header;
    },
    refused() {
      token = undefined;
    },
  };
}

export function askForToken(http: BrokerHttp, { id, secret }: Client): Promise<Answer> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  return http.post('/oauth2/token', form, `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`);
}

function tokenFrom(answer: Answer, now: number): Token {
  const { access_token: text, expires_in: seconds } = tokenSchema.parse(answer.body);
  return { header: `Bearer ${text}`, renewAt: now + seconds * 1000 * RENEWAL };
}

export async function storedClient(path: string): Promise<Client | undefined> {
  const text = await readIfThere(path);
  return text === undefined ? undefined : (JSON.parse(text) as Client);
}

function refusal(what: string, answer: Answer): Error {
  return new Error(`${what}: the broker answered with ${complaintOf(answer)}`);
}
