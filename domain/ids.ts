/** Names of things. Each is plain text at run time and a type of its own at compile time, so that none is taken for another. */

type Brand<Name extends string> = string & { readonly brand: Name };

/** A session: a UUID when the broker made it, the local id when it was made by hand on a host. 1 to 100 of `[A-Za-z0-9._-]`. */
export type SessionId = Brand<'SessionId'>;
/** A broker: a UUID that its data folder keeps. */
export type BrokerId = Brand<'BrokerId'>;
/** A DCV server: opaque text that its agent made once and keeps. */
export type ServerId = Brand<'ServerId'>;
/** One API request, a UUID; every answer and every fact that follows from it carries it. */
export type RequestId = Brand<'RequestId'>;
/** One fact, a UUID. Two appends with the same ids are the same append. */
export type FactId = Brand<'FactId'>;
/** A registered client of the API or an enrolled agent, a UUID. */
export type ClientId = Brand<'ClientId'>;
/** The stream of one actor: `session-<id>`, `server-<id>`, … The text before the first `-` is its category. */
export type StreamName = Brand<'StreamName'>;

export const sessionId = (text: string): SessionId => text as SessionId;
export const brokerId = (text: string): BrokerId => text as BrokerId;
export const serverId = (text: string): ServerId => text as ServerId;
export const requestId = (text: string): RequestId => text as RequestId;
export const factId = (text: string): FactId => text as FactId;
export const clientId = (text: string): ClientId => text as ClientId;
/** Every agent of a broker that does not ask agents who they are. */
export const ANONYMOUS_AGENT = clientId('');
export const streamName = (category: string, id: string): StreamName => `${category}-${id}` as StreamName;

/** The id behind a stream's category: `session-4f…` gives `4f…`. */
export const streamId = (stream: StreamName): string => stream.slice(stream.indexOf('-') + 1);
