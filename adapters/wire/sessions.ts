/** The wire models around sessions: describing, creating, deleting them and connecting to one. */
import type { z } from 'zod';
import { server } from './servers.ts';
import { flag, integer, keyValuePair, list, model, one, text, texts, time } from './shapes.ts';

const owner = text('The user it belongs to.', { example: 'barbara' });

export const session = model('Session', 'A session on a DCV server, or on its way to one.', {
  Id: text('Its id.'),
  Name: text('Its name, for people.', { example: 'drawing' }),
  Owner: owner,
  Server: one(server),
  Type: text('CONSOLE or VIRTUAL.', { example: 'VIRTUAL' }),
  MaxConcurrentClients: integer('How many clients may be connected at a time.', 'int64'),
  State: text('CREATING, READY, DELETING, DELETED or UNKNOWN.', { example: 'READY' }),
  Substate: text('While CREATING: SESSION_PLACING or PENDING_PREPARATION.'),
  StateReason: text('Why it is in this state, where there is something to say.'),
  CreationTime: time('When it was created.'),
  LastDisconnectionTime: time('When a client last disconnected.'),
  NumOfConnections: integer('How many clients are connected.', 'int64'),
  StorageRoot: text('The folder on the host that its file transfer uses.'),
});
export type Session = z.infer<typeof session>;

export const describeSessionsRequestData = model('DescribeSessionsRequestData', 'Which sessions to describe.', {
  SessionIds: texts('Only these; without it, all.'),
  Filters: list(
    keyValuePair,
    'Only sessions that pass every key; a key that is there more than once, with any of its values. owner: whose it is. name: what it is called, exactly. state: CREATING, READY, DELETING, DELETED or UNKNOWN, as it is described. server: the id of the server it is on, or was last. tag:name: its server has this tag with this value.',
  ),
  MaxResults: integer('Sessions a page may hold: 1 to 1000, which is also the default.'),
  NextToken: text('Where to go on: the NextToken of the page before.'),
});

export const describeSessionsResponse = model('DescribeSessionsResponse', 'A page of sessions.', {
  RequestId: text('The id of this request.'),
  Sessions: list(session, 'The sessions.'),
  NextToken: text('Where the next page begins; absent on the last one.'),
});

export const createSessionRequestData = model('CreateSessionRequestData', 'A session to create.', {
  Name: text('Its name, for people: 1 to 256 characters.', { example: 'drawing' }),
  Owner: owner,
  Type: text('CONSOLE or VIRTUAL, in any case of letters.', { example: 'VIRTUAL' }),
  DcvGlEnabled: flag('Whether OpenGL is accelerated. Virtual sessions only.'),
  MaxConcurrentClients: integer('How many clients may be connected at a time: 1 to 100.', 'int64'),
  InitFilePath: text('The full path of the init file on the host. Virtual sessions only. Use InitFile instead.', { deprecated: true }),
  InitFile: text("The init file: a name, or a path relative to the agent's init folder. Virtual sessions only."),
  AutorunFile: text("What to run in the session: a name, or a path relative to the agent's autorun folder."),
  AutorunFileArguments: texts('Arguments for AutorunFile: up to 50, each up to 150 characters. Virtual sessions only.'),
  PermissionsFile: text('The permissions file, in base64.'),
  Requirements: text('What the server must be like.', { example: "tag:color = 'pink' and server:Host.Memory.TotalBytes > 1024E6" }),
  EnqueueRequest: flag('Wait for a server when none can take the session now. Default: false.'),
  DisableRetryOnFailure: flag('Do not try again after a failure on the host. Default: false.'),
  StorageRoot: text('The folder on the host that file transfer uses.'),
});
export type CreateSessionRequestData = z.infer<typeof createSessionRequestData>;

const unsuccessfulCreateSessionRequestData = model('UnsuccessfulCreateSessionRequestData', 'A session that could not be created.', {
  CreateSessionRequestData: one(createSessionRequestData),
  FailureReason: text('Why.'),
});

export const createSessionsResponse = model('CreateSessionsResponse', 'What became of each session.', {
  RequestId: text('The id of this request.'),
  SuccessfulList: list(session, 'The sessions that are being created.'),
  UnsuccessfulList: list(unsuccessfulCreateSessionRequestData, 'The sessions that could not be created.'),
});

export const deleteSessionRequestData = model('DeleteSessionRequestData', 'A session to delete.', {
  SessionId: text('The id of the session.'),
  Owner: text('The user it belongs to.'),
  Force: flag('Forget it even though its host cannot be reached. Default: false.'),
});

const deleteSessionSuccessfulResponse = model('DeleteSessionSuccessfulResponse', 'A session that is being deleted.', {
  SessionId: text('The id of the session.'),
  State: text('Its state now.'),
});

const deleteSessionUnsuccessfulResponse = model('DeleteSessionUnsuccessfulResponse', 'A session that could not be deleted.', {
  SessionId: text('The id of the session.'),
  FailureReason: text('Why.'),
});

export const deleteSessionsResponse = model('DeleteSessionsResponse', 'What became of each session.', {
  RequestId: text('The id of this request.'),
  SuccessfulList: list(deleteSessionSuccessfulResponse, 'The sessions that are being deleted.'),
  UnsuccessfulList: list(deleteSessionUnsuccessfulResponse, 'The sessions that could not be deleted.'),
});

export const getSessionConnectionDataResponse = model('GetSessionConnectionDataResponse', 'What a client needs to connect.', {
  Session: one(session),
  ConnectionToken: text('The proof that one user may connect to this one session; it expires.'),
});
