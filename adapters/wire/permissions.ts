/** The wire models for changing who may do what in a session. */
import { list, model, text } from './shapes.ts';

export const updateSessionPermissionsRequestData = model('UpdateSessionPermissionsRequestData', 'New permissions for a session.', {
  SessionId: text('The id of the session.'),
  Owner: text('The user it belongs to.'),
  PermissionsFile: text('The permissions file, in base64.'),
});

const successful = model('UpdateSessionPermissionsSuccessfulResponse', 'A session that has new permissions.', {
  SessionId: text('The id of the session.'),
});

const unsuccessful = model('UpdateSessionPermissionsUnsuccessfulResponse', 'A session that keeps its permissions.', {
  SessionId: text('The id of the session.'),
  FailureReason: text('Why.'),
});

export const updateSessionPermissionsResponse = model('UpdateSessionPermissionsResponse', 'What became of each session.', {
  RequestId: text('The id of this request.'),
  SuccessfulList: list(successful, 'The sessions that have new permissions.'),
  UnsuccessfulList: list(unsuccessful, 'The sessions that keep theirs.'),
});
