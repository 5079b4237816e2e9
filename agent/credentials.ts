/**
 * Who the agent is to its brokers: enrolled once with a software statement (RFC 7591), then known by an id and a secret, then by short-lived tokens. All
 * brokers on one log know all of these.
 */
import { readFile } from 'node:fs/promises';
import { PRIVATE_MODE, replaceFile } from '../adapters/files.ts';
import type { Logger } from '../adapters/logging.ts';
import { registeredSchema, tokenSchema } from '../adapters/wire/agent.ts';
import type { Clock } from '../domain/ports/clock.ts';
import { type Answer, type BrokerHttp, complaintOf } from './broker-http.ts';
import { type Client, keptClient } from './kept-client.ts';
import { messageOf } from './thrown.ts';

export interface Credentials {
  /** The Authorization header, with a new token of this broker's when it is time; undefined for an agent that has neither a software statement nor a client: its broker may ask for none. */
  authorization(http: BrokerHttp): Promise<string | undefined>;
  /** The broker did not take the last token. */
  refused(): void;
  /** What to do about a broker that lets this agent in with no token of its own, for the log. */
  advice(answer: Answer): string;
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

interface Token {
  /** None for an agent that has nothing to show, and whose broker may not ask for anything. */
  readonly header?: string;
  /** When to ask for the next one. A clock that is set back makes that late: then the broker refuses the token, and that is when. */
  readonly renewAt: number;
}

/** A token is renewed when this part of its life is over. */
const RENEWAL = 0.8;

export function createCredentials(deps: CredentialsDeps): Credentials {
  const { clock, log, path } = deps;
  let token: Token | undefined;
  let asking: Promise<Token> | undefined;
  /** Enrolled, and never yet given a token: a broker that does so does not know what it wants, and enrolling again would only fill its log. */
  let isFresh = false;

  async function newToken(http: BrokerHttp): Promise<Token> {
    const stored = await keptClient(path, log);
    const answer = stored && (await askForToken(http, stored));
    if (answer !== undefined && (answer.status === 200 || isFresh || !isForgotten(answer))) return tokenFrom(answer);
    if (answer !== undefined) log.warn({ answer: complaintOf(answer) }, 'the broker does not know this agent any more; enrolling again');
    if (deps.softwareStatementPath === undefined) return { renewAt: Number.POSITIVE_INFINITY };
    return tokenFrom(await askForToken(http, await enrol(http, deps.softwareStatementPath)));
  }

  async function enrol(http: BrokerHttp, statementPath: string): Promise<Client> {
    const statement = await readStatement(statementPath);
    const request = { client_name: deps.clientName, software_statement: statement, grant_types: ['client_credentials'] };
    const answer = await http.post('/agent/register', request, undefined);
    if (answer.status !== 201) throw new Error(`${refusal('not enrolled', answer)}${adviceOn(answer, statementPath)}`);
    const { client_id: id, client_secret: secret } = registeredSchema.parse(answer.body);
    await replaceFile(path, `${JSON.stringify({ id, secret })}\n`, PRIVATE_MODE);
    isFresh = true;
    log.info({ clientId: id }, 'enrolled with the broker');
    return { id, secret };
  }

  function tokenFrom(answer: Answer): Token {
    if (answer.status !== 200) throw new Error(refusal('no token', answer));
    const { access_token: text, expires_in: seconds } = tokenSchema.parse(answer.body);
    isFresh = false;
    return { header: `Bearer ${text}`, renewAt: clock.now() + seconds * 1000 * RENEWAL };
  }

  return {
    async authorization(http) {
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
    advice(answer) {
      const said = `the broker did not let this agent in: ${complaintOf(answer)}`;
      return deps.softwareStatementPath === undefined ? `${said}. It asks agents for credentials. ${HOW_TO_ENROL}` : said;
    },
  };
}

const HOW_TO_ENROL =
  'Have a software statement made at the broker (generate-software-statement), put it into a file on this host, and name the file in agent.software_statement_path';

async function readStatement(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw new Error(`not enrolled: agent.software_statement_path cannot be read: ${messageOf(error)}`);
  });
  if (text.trim() === '') throw new Error(`not enrolled: the file ${path} of agent.software_statement_path is empty`);
  return text.trim();
}

export function askForToken(http: BrokerHttp, { id, secret }: Client): Promise<Answer> {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  return http.post('/oauth2/token', form, `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`);
}

/** RFC 6749 has this code for a client that is unknown, or was taken off the list; any other trouble is not cured by a new client. */
const isForgotten = (answer: Answer): boolean => errorOf(answer) === 'invalid_client';

const errorOf = ({ body }: Answer): unknown => Object(body).error;

/** The two codes of RFC 7591 that are about the statement. */
function adviceOn(answer: Answer, path: string): string {
  const isStatement = errorOf(answer) === 'invalid_software_statement' || errorOf(answer) === 'unapproved_software_statement';
  return isStatement ? `. Have a new one made at the broker (generate-software-statement) and put it into ${path}` : '';
}

function refusal(what: string, answer: Answer): string {
  return `${what}: the broker answered with ${complaintOf(answer)}`;
}
