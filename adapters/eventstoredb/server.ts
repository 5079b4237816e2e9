/**
 * The way to an EventStoreDB or KurrentDB server: its connection string, which may hold a password and is never shown, and clients with
 * the settings that Berth needs whatever the connection string says.
 */
import { EventStoreDBClient } from '@eventstore/db-client';
import { LogFault } from '../../domain/ports/event-log.ts';

/** What a connection is used for. Each use gets a connection of its own, because one takes 100 calls at a time, subscriptions included. */
export type Use = 'appends' | 'reads' | 'subscriptions';

export interface Server {
  /** For people: where it is, without user, password and parameters. */
  readonly address: string;
  /** Equal for equal connection strings. Secret: a password may be in it. */
  readonly key: string;
  /** `name`: by which the server shows the connection to an operator. */
  connect(use: Use, name?: string): EventStoreDBClient;
}

/**
 * A silent connection is given up after this and as long again. The client recommends 10 s or more; then a server that is stuck would be
 * noticed after 16 s (measured), which is too long for whoever waits for a session.
 */
const KEEP_ALIVE_MS = 2000;
/** What the server itself, and the client for calls that are not streams, waits for an answer. */
const DEADLINE_MS = 10_000;
/** The client shares connections of equal settings, so those of different use differ by a millisecond. */
const KEEP_ALIVE_TIMEOUTS: Readonly<Record<Use, number>> = {
  appends: KEEP_ALIVE_MS,
  reads: KEEP_ALIVE_MS + 1,
  subscriptions: KEEP_ALIVE_MS + 2,
};

const SCHEMES = /^(?:esdb|kurrentdb)(\+discover)?:\/\//;

/** Throws LogFault, without showing a password, for what is no connection string. Connects to nothing yet. */
export function serverAt(connectionString: string): Server {
  const scheme = SCHEMES.exec(connectionString.trim());
  if (scheme === null) throw new LogFault('The address of the event log must begin with esdb:// or esdb+discover://.');
  const rest = connectionString.trim().slice(scheme[0].length);
  // A path means nothing to these servers; the client wants none before the parameters.
  const given = `esdb${scheme[1] ?? ''}://${rest.replace(/\/*(\?|$)/, '$1')}`;
  const server = { address: addressOf(given), key: given, connect: (use: Use, name = `berth-${use}`) => connect(given, use, name) };
  server.connect('reads');
  return server;
}

function connect(given: string, use: Use, connectionName: string): EventStoreDBClient {
  const settings = {
    keepAliveInterval: KEEP_ALIVE_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUTS[use],
    defaultDeadline: DEADLINE_MS,
    throwOnAppendFailure: true,
    connectionName,
  };
  const parameters = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const { made, warnings } = withoutConsole(() => EventStoreDBClient.connectionString(withParameters(given, parameters.join('&'))));
  const [unexpected] = warnings.filter((warning) => !warning.includes('KeepAliveInterval'));
  if (unexpected !== undefined) throw new LogFault(`The address of the event log is not right: ${firstLine(unexpected)}`);
  return made;
}

/** Later parameters win. */
function withParameters(given: string, parameters: string): string {
  return `${given}${given.includes('?') ? '&' : '?'}${parameters}`;
}

/**
 * The client warns of an interval below 10 s on the console, and of what it ignores in a connection string. Its sentences are taken here, while it is
 * constructed and nothing else can run. What it throws repeats the connection string, so only what it expected is passed on.
 */
function withoutConsole<T>(make: () => T): { readonly made: T; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const { warn } = console;
  console.warn = (...words: readonly unknown[]) => void warnings.push(words.join(' '));
  try {
    return { made: make(), warnings };
  } catch (error) {
    const { message } = error as Error;
    const [, expected] = /at position \d+, expected (.+)\.$/s.exec(message) ?? [];
    throw new LogFault(
      `The address of the event log is not right: ${expected === undefined ? message.replace(/\.$/, '') : `it lacks ${expected}`}.`,
    );
  } finally {
    console.warn = warn;
  }
}

const firstLine = (text: string): string => text.slice(0, text.indexOf('\n'));

function addressOf(connectionString: string): string {
  const [scheme = '', rest = ''] = connectionString.split('://');
  const [authority = ''] = rest.split('?');
  return `${scheme}://${authority.slice(authority.lastIndexOf('@') + 1)}`;
}
