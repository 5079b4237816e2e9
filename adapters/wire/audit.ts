/** The wire models of the audit: who did what, to whom, when and from which request. These have no counterpart in the original API. */
import { z } from 'zod';
import { cause } from './history.ts';
import { integer, list, model, one, text, time } from './shapes.ts';

export const auditEntry = model('AuditEntry', 'One thing that happened, or was refused.', {
  Position: integer('Where it stands in the whole log.', 'int64'),
  Time: time('When.'),
  Type: text('What happened.', { example: 'session.deletion-requested' }),
  Actor: text('What it happened to: a session, a server, a credential. Attempts that were refused name theirs in Data.', {
    example: 'session-0f6d1c52-7f0a-4b5e-9f55-0d7f2d1f8a11',
  }),
  Revision: integer('Which one it is for this actor, from 0.', 'int64'),
  Cause: one(cause),
  RequestId: text('The id of the request it followed from.'),
  SchemaVersion: integer('Which shape Data has.', 'int32'),
  Data: z.record(z.string(), z.unknown()).nullish().meta({ description: 'What there is to say about it; depends on Type.' }),
});

export type AuditEntry = z.infer<typeof auditEntry>;

export const auditResponse = model('AuditResponse', 'A page of what happened, oldest first.', {
  RequestId: text('The id of this request.'),
  Entries: list(auditEntry, 'What happened.'),
  NextToken: text('Where the next page begins; absent on the last one.'),
});
