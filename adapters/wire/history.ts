/** The wire models of the history: what happened to a session or a server. These have no counterpart in the original API. */
import { z } from 'zod';
import { integer, list, model, one, text, time } from './shapes.ts';

export const cause = model('HistoryCause', 'Who made it happen.', {
  Kind: text('client, agent, broker or operator.', { example: 'client' }),
  Id: text('Which one.'),
});

const entry = model('HistoryEntry', 'One thing that happened.', {
  Position: integer('Where it stands in the whole log.', 'int64'),
  Revision: integer('Which one it is for this session or server, from 0.', 'int64'),
  Type: text('What happened.', { example: 'session.started' }),
  Time: time('When.'),
  Cause: one(cause),
  RequestId: text('The id of the request it followed from.'),
  Data: z.record(z.string(), z.unknown()).nullish().meta({ description: 'What there is to say about it; depends on Type.' }),
});

export const historyResponse = model('HistoryResponse', 'A page of what happened, oldest first.', {
  RequestId: text('The id of this request.'),
  History: list(entry, 'What happened.'),
  NextToken: text('Where the next page begins; absent on the last one.'),
});
