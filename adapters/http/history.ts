/** The operations of the audit: what happened to a session or a server, oldest first. The original has no counterpart. */
import type { HistoryEntry, Page } from '../../projections/views.ts';
import type { Application } from '../application.ts';
import { ArchivedAwayError } from '../history.ts';
import type { Call, Operation } from './call.ts';
import { nextToken, readPageSize } from './paging.ts';
import { presentTime } from './present-session.ts';
import { subjectOf } from './refusals.ts';
import { HttpProblem } from './reply.ts';

export const getSessionHistory = (): Operation => history('session', ({ sessionHistory }) => sessionHistory);

export const getServerHistory = (): Operation => history('server', ({ serverHistory }) => serverHistory);

type Read = (id: string, limit: number, after?: number) => Promise<Page<HistoryEntry> | undefined>;

function history(kind: 'session' | 'server', readerIn: (application: Application) => Read): Operation {
  return async ({ application, tokens, ...call }: Call) => {
    const [, id = ''] = call.path();
    const wish = call.query('MaxResults', 'NextToken');
    // Named, because the tokens of earlier versions held positions.
    const query = [kind, id, 'revision'];
    const page = await readerIn(application)(id, readPageSize(wish.MaxResults), tokens.read(wish.NextToken, query)).catch(
      (error: unknown) => {
        if (error instanceof ArchivedAwayError) throw new HttpProblem(404, error.message, {}, { target: subjectOf(kind, id) });
        throw error;
      },
    );
    if (page === undefined) throw new HttpProblem(404, `There is no ${kind} with this id.`, {}, { target: subjectOf(kind, id) });
    return { RequestId: call.origin.requestId, History: page.items.map(presentEntry), NextToken: nextToken(tokens, page, query) };
  };
}

const presentEntry = (entry: HistoryEntry) => ({
  Position: entry.position,
  Revision: entry.revision,
  Type: entry.type,
  Time: presentTime(entry.time),
  Cause: { Kind: entry.cause.kind, Id: entry.cause.id },
  RequestId: entry.requestId,
  Data: entry.data,
});
