/**
 * The operations of the API for a client that knows the sessions of one owner only: all others are as if they did not exist, and so are servers. Which
 * session is whose is never decided here: reads ask for the owner's, and actors compare the owner that a command names.
 */
import type { Rejection } from '../domain/decision.ts';
import type { Application, Result, SessionQuery } from './application.ts';
import type { Past } from './replay/past.ts';
import type { PastReads } from './replay/past-reads.ts';

export function applicationOf(owner: string, application: Application): Application {
  const { position, reached, createSessions, deleteSessions, updateSessionPermissions } = application;
  return {
    position,
    reached,
    ...readsOf(owner, application),
    createSessions: (items, origin) => own(owner, items, (its) => createSessions(its, origin)),
    deleteSessions: (items, origin) => own(owner, items, async (its) => (await deleteSessions(its, origin)).map(asUnknown)),
    updateSessionPermissions: (items, origin) =>
      own(owner, items, async (its) => (await updateSessionPermissions(its, origin)).map(asUnknown)),
    screenshots: (items, origin) =>
      application.screenshots(
        items.map((item) => ({ ...item, owner })),
        origin,
      ),
    connectionData: (id, user) => application.connectionData(id, user, owner),
    sessionHistory: (id, limit, after) => application.sessionHistory(id, limit, after, owner),
    openServers: async (items) => items.map(() => NO_SERVER),
    closeServers: async (items) => items.map(() => NO_SERVER),
    serverHistory: async () => undefined,
  };
}

export const pastOf = (owner: string, { asOf }: Pick<Past, 'asOf'>): Pick<Past, 'asOf'> => ({
  asOf: (until, work) => asOf(until, (reads) => work(readsOf(owner, reads))),
});

const readsOf = (owner: string, reads: PastReads): PastReads => ({
  describeSessions: (query) => reads.describeSessions({ ...query, owners: ownersIn(query, owner) }),
  describeServers: async () => ({ items: [] }),
});

/** None of them, where the question is about somebody else's: it is asked all the same, so that it takes as long. */
const ownersIn = ({ owners }: SessionQuery, owner: string): readonly string[] => owners?.filter((each) => each === owner) ?? [owner];

/** Only items in the name of the owner are carried out; whether there is such a session does not matter for the others. */
async function own<Item extends { readonly owner: string }, T>(
  owner: string,
  items: readonly Item[],
  act: (items: readonly Item[]) => Promise<readonly Result<T>[]>,
): Promise<readonly Result<T>[]> {
  const owned = items.filter((item) => item.owner === owner);
  const results = new Map((owned.length === 0 ? [] : await act(owned)).map((result, index) => [owned[index], result]));
  return items.map((item) => results.get(item) ?? { rejected: otherOwner(owner) });
}

const otherOwner = (owner: string): Rejection => ({
  code: 'OTHER_OWNER',
  reason: `Owner: this client is there for the sessions of '${owner}' only.`,
});

/** Whose session it is instead is none of this client's business, nor that there is one. */
const asUnknown = <T>(result: Result<T>): Result<T> =>
  'rejected' in result && result.rejected.code === 'OWNER_MISMATCH' ? { rejected: SESSION_NOT_FOUND } : result;

export const SESSION_NOT_FOUND: Rejection = { code: 'SESSION_NOT_FOUND', reason: 'The requested dcvSession does not exist' };
const NO_SERVER = { rejected: { code: 'DCV_SERVER_NOT_FOUND', reason: 'Dcv server not found.' } };
