/** How the broker answers over HTTP: JSON, never kept by caches, and one shape for everything that went wrong. */

const HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** `headers` in lower case. */
export function reply(status: number, body: object, headers?: Record<string, string>): Response {
  return replyText(status, JSON.stringify(body), headers);
}

/** With a body that is JSON text already. */
export function replyText(status: number, body: string, headers?: Record<string, string>): Response {
  return new Response(body, { status, headers: headers === undefined ? HEADERS : { ...HEADERS, ...headers } });
}

/** What the record of a refused request says besides its status and message. */
export interface ProblemNotes {
  /** For programs; default: what the status stands for. */
  readonly code?: string;
  /** Who the caller said to be, without proof. */
  readonly claimedClient?: string | undefined;
  /** The stream of the actor it was about. */
  readonly target?: string | undefined;
}

/** A request that cannot be answered as asked. `message` is for its caller: a plain sentence with nothing of our insides. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly notes: ProblemNotes;

  constructor(status: number, message: string, headers: Record<string, string> = {}, notes: ProblemNotes = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.notes = notes;
  }
}

export const badRequest = (message: string): HttpProblem => new HttpProblem(400, message);

/** The one shape of an error: `{ "error": … }`. */
export const refuse = (status: number, message: string, headers?: Record<string, string>): Response =>
  reply(status, { error: message }, headers);
