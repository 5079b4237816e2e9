/** What a connection that did not come about, or broke, means to whoever gave the command: what was found, and what to do. */
import { ClientFault, EXIT } from './client-fault.ts';

/** Where the address came from that cannot be reached. */
export interface Reached {
  readonly url: string;
  /** `broker` or `authorization server`. */
  readonly what: string;
  readonly flag: string;
}

/** Each gives the sentence, and whether trying again may help. */
const MEANINGS: Readonly<Record<string, (reached: Reached, message: string) => string>> = {
  ECONNREFUSED: ({ url, what, flag }) => `Nothing listens at ${url} (connection refused). Check that the ${what} runs, and ${flag}.`,
  ENOTFOUND: ({ url, flag }) => `The host ${new URL(url).hostname} is not known. Check ${flag}.`,
  EAI_AGAIN: ({ url, flag }) => `The host ${new URL(url).hostname} cannot be looked up at the moment. Check ${flag} and your name server.`,
  ECONNRESET: ({ url, what }) => `The ${what} at ${url} broke the connection. Try again.`,
  EPIPE: ({ url, what }) => `The ${what} at ${url} broke the connection. Try again.`,
  UND_ERR_SOCKET: ({ url, what }) => `The ${what} at ${url} broke the connection. Try again.`,
  UND_ERR_CONNECT_TIMEOUT: ({ url, flag }) => `${url} does not answer. Check ${flag}, and firewalls on the way.`,
  ETIMEDOUT: ({ url, flag }) => `${url} does not answer. Check ${flag}, and firewalls on the way.`,
  EHOSTUNREACH: ({ url, flag }) => `There is no way to ${url}. Check ${flag} and your network.`,
  ENETUNREACH: ({ url, flag }) => `There is no way to ${url}. Check ${flag} and your network.`,
  UND_ERR_HEADERS_TIMEOUT: ({ url, what }) => `The ${what} at ${url} took too long to answer. Try again.`,
  UND_ERR_BODY_TIMEOUT: ({ url, what }) => `The ${what} at ${url} took too long to answer. Try again.`,
  ERR_SSL_WRONG_VERSION_NUMBER: ({ url, flag }) => `What answers at ${url} does not speak TLS. Check the port, and ${flag}.`,
  EPROTO: ({ url, flag }, message) => `TLS with ${url} failed (${message}). Check the port, and ${flag}.`,
  HPE_INVALID_CONSTANT: ({ url, flag }) => `What answers at ${url} does not speak HTTP. Check the port, and ${flag}.`,
  CERT_HAS_EXPIRED: ({ url }) =>
    `The certificate of ${url} has expired. Have it renewed; --no-verify-ssl connects all the same, to whoever answers there.`,
  ERR_TLS_CERT_ALTNAME_INVALID: ({ url, flag }, message) =>
    `The certificate of ${url} is for another name (${message}). Use a name that it holds in ${flag}; --no-verify-ssl connects all the same, to whoever answers there.`,
};

/** Signed by nobody who is trusted, in Node's many words for it. */
const UNTRUSTED = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_(?!HAS_EXPIRED)|INVALID_CA)/;

/** Nothing a moment later changes these. */
const LASTING = /^(ENOTFOUND|ERR_|EPROTO|HPE_|CERT_)/;

export function networkFault(error: unknown, reached: Reached): ClientFault {
  const cause = innermost(error);
  const code = String((cause as NodeJS.ErrnoException).code ?? '');
  const message = cause.message.trim().split('\n')[0] ?? '';
  if (UNTRUSTED.test(code)) {
    return new ClientFault(
      EXIT.failure,
      `The certificate of ${reached.url} is not signed by anyone trusted here. Name the certificate of its authority with --ca-bundle (the broker keeps it as tls/ca.pem in its data folder); --no-verify-ssl connects all the same, to whoever answers there.`,
      { cause },
    );
  }
  const sentence = MEANINGS[code]?.(reached, message) ?? `${reached.url} cannot be reached: ${message || code}`;
  return new ClientFault(EXIT.failure, sentence, { cause, passes: !LASTING.test(code) });
}

/** A name with several addresses fails with the errors of all of them. */
function innermost(error: unknown): Error {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0]);
  const { cause } = error as Error;
  return cause instanceof Error ? innermost(cause) : (error as Error);
}
