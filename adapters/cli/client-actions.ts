/** What the commands of the client ask of the broker, and what they make of its answers. */
import { readFile } from 'node:fs/promises';
import type { AnswerTo, Client } from '../client/client.ts';
import { ClientFault, EXIT } from '../client/client-fault.ts';
import { harmless } from '../harmless.ts';
import type { CreateSessionRequestData } from '../wire/sessions.ts';
import type * as Flags from './client-flags.ts';
import type { Answer } from './client-run.ts';
import { waitForDeletion, waitForReady } from './client-wait.ts';
import { type Column, LISTED_SERVER_COLUMNS, SESSION_COLUMNS, table } from './tables.ts';

async function createSession(client: Client, flags: Flags.CreateSessionFlags): Promise<Answer> {
  const { name, owner, type, maxConcurrentClients, maxConcurrentsClients, permissionsFile } = flags;
  const item: CreateSessionRequestData = {
    Name: name,
    Owner: owner,
    Type: type,
    DcvGlEnabled: flags.dcvGlEnabled,
    MaxConcurrentClients: maxConcurrentClients ?? maxConcurrentsClients,
    InitFile: flags.initFile,
    InitFilePath: flags.initFilePath,
    AutorunFile: flags.autorunFile,
    AutorunFileArguments: flags.autorunFileArguments && [...flags.autorunFileArguments],
    PermissionsFile: permissionsFile === undefined ? undefined : await inBase64('--permissions-file', permissionsFile),
    Requirements: flags.requirements,
    StorageRoot: flags.storageRoot,
    EnqueueRequest: flags.enqueueRequest,
    DisableRetryOnFailure: flags.disableRetryOnFailure,
  };
  const answer = await client.call('createSessions', [item]);
  const refused = (answer.UnsuccessfulList ?? []).map(({ FailureReason }) => `The session was not created: ${FailureReason}`);
  const [session] = answer.SuccessfulList ?? [];
  if (!flags.wait || session === undefined) return sessionsAnswer(answer, answer.SuccessfulList, refused);
  const waited = await waitForReady(client, session, flags.waitTimeout);
  const json = { ...answer, SuccessfulList: [waited.session] };
  return { ...sessionsAnswer(json, [waited.session], [...refused, ...waited.remarks]), exitCode: waited.exitCode };
}

async function deleteSession(client: Client, flags: Flags.DeleteSessionFlags): Promise<Answer> {
  const { sessionId, owner, force } = flags;
  const answer = await client.call('deleteSessions', [
    { SessionId: sessionId, Owner: owner, ...(force !== undefined && { Force: force }) },
  ]);
  const rejected = refusals('not deleted', answer.UnsuccessfulList, ({ SessionId }) => `The session ${SessionId}`);
  const columns: Column<{ readonly SessionId?: string | null | undefined; readonly State?: string | null | undefined }>[] = [
    { heading: 'ID', cell: ({ SessionId }) => SessionId },
    { heading: 'STATE', cell: ({ State }) => State },
  ];
  const [deleted] = answer.SuccessfulList ?? [];
  if (!flags.wait || deleted === undefined) return batchAnswer(answer, answer.SuccessfulList, columns, rejected);
  const { state, remarks, exitCode } = await waitForDeletion(client, sessionId, flags.waitTimeout);
  const list = [{ ...deleted, State: state }];
  return { ...batchAnswer({ ...answer, SuccessfulList: list }, list, columns, [...rejected, ...remarks]), exitCode };
}

async function describeSessions(client: Client, flags: Flags.DescribeSessionsFlags): Promise<Answer> {
  const { sessionIds, owner, maxResults, nextToken } = flags;
  const answer = await client.call('describeSessions', {
    ...(sessionIds && { SessionIds: sessionIds }),
    ...(owner !== undefined && { Filters: [{ Key: 'owner', Value: owner }] }),
    ...(maxResults !== undefined && { MaxResults: maxResults }),
    ...(nextToken !== undefined && { NextToken: nextToken }),
  });
  return { json: answer, human: () => page(table(answer.Sessions ?? [], SESSION_COLUMNS), answer.NextToken) };
}

async function describeServers(client: Client, flags: Flags.DescribeServersFlags): Promise<Answer> {
  const { serverIds, maxResults, nextToken } = flags;
  const answer = await client.call('describeServers', {
    ...(serverIds && { ServerIds: serverIds }),
    ...(maxResults !== undefined && { MaxResults: maxResults }),
    ...(nextToken !== undefined && { NextToken: nextToken }),
  });
  return { json: answer, human: () => page(table(answer.Servers ?? [], LISTED_SERVER_COLUMNS), answer.NextToken) };
}

async function getSessionConnectionData(client: Client, { sessionId, user }: Flags.ConnectionDataFlags): Promise<Answer> {
  const answer = await client.call('GetSessionConnectionData', undefined, [sessionId, user]);
  const { Session: session, ConnectionToken: token } = answer;
  const human = (): string => `${table(session ? [session] : [], SESSION_COLUMNS)}\n\nConnection token:\n${harmless(token ?? '')}`;
  return { json: answer, human };
}

async function getSessionScreenshots(client: Client, flags: Flags.ScreenshotFlags): Promise<Answer> {
  const { sessionIds, maxWidth, maxHeight } = flags;
  const size = { ...(maxWidth !== undefined && { MaxWidth: maxWidth }), ...(maxHeight !== undefined && { MaxHeight: maxHeight }) };
  const answer = await client.call(
    'getSessionScreenshots',
    sessionIds.map((id) => ({ SessionId: id, ...size })),
  );
  type Done = NonNullable<typeof answer.SuccessfulList>[number];
  const images = ({ SessionScreenshot: picture }: Done) => picture?.Images ?? [];
  const columns: Column<Done>[] = [
    { heading: 'ID', cell: ({ SessionScreenshot: picture }) => picture?.SessionId },
    { heading: 'FORMAT', cell: (done) => images(done)[0]?.Format },
    { heading: 'BYTES', cell: (done) => String(Buffer.from(images(done)[0]?.Data ?? '', 'base64').length) },
    { heading: 'TAKEN', cell: (done) => images(done)[0]?.CreationTime },
  ];
  const refused = refusals(
    'not pictured',
    answer.UnsuccessfulList,
    (item) => `The session ${item.GetSessionScreenshotRequestData?.SessionId}`,
  );
  return batchAnswer(answer, answer.SuccessfulList, columns, refused);
}

async function updateSessionPermissions(client: Client, flags: Flags.PermissionsFlags): Promise<Answer> {
  const { sessionId, owner } = flags;
  const file = flags.permissionFile ?? flags.permissionsFile;
  if (file === undefined) throw new ClientFault(EXIT.usage, "error: required option '--permission-file <file>' not specified");
  const item = { SessionId: sessionId, Owner: owner, PermissionsFile: await inBase64('--permission-file', file) };
  const answer = await client.call('updateSessionPermissions', [item]);
  const refused = refusals('not changed', answer.UnsuccessfulList, ({ SessionId }) => `The session ${SessionId}`);
  return batchAnswer(answer, answer.SuccessfulList, [{ heading: 'ID', cell: ({ SessionId }) => SessionId }], refused);
}

async function openServers(client: Client, { serverIds }: Flags.ServerIdsFlags): Promise<Answer> {
  const items = serverIds.map((id) => ({ ServerId: id }));
  const answer = await client.call('openServers', items);
  const refused = refusals('not opened', answer.UnsuccessfulList, (item) => `The server ${item.OpenServerRequestData?.ServerId}`);
  return batchAnswer(answer, answer.SuccessfulList, [{ heading: 'ID', cell: ({ ServerId }) => ServerId }], refused);
}

async function closeServers(client: Client, { serverIds, force }: Flags.ServerIdsFlags): Promise<Answer> {
  const items = serverIds.map((id) => ({ ServerId: id, ...(force !== undefined && { Force: force }) }));
  const answer = await client.call('closeServers', items);
  const refused = refusals('not closed', answer.UnsuccessfulList, (item) => `The server ${item.CloseServerRequestData?.ServerId}`);
  return batchAnswer(answer, answer.SuccessfulList, [{ heading: 'ID', cell: ({ ServerId }) => ServerId }], refused);
}

interface Refused {
  readonly FailureCode?: string | null | undefined;
  readonly FailureReason?: string | null | undefined;
}

function refusals<Item extends Refused>(what: string, items: readonly Item[] | null | undefined, name: (item: Item) => string): string[] {
  return (items ?? []).map((item) => {
    const { FailureCode: code, FailureReason: reason } = item;
    return harmless(`${name(item)} was ${what}: ${reason ?? 'without a reason'}${code ? ` (${code})` : ''}`);
  });
}

const sessionsAnswer = (json: object, sessions: AnswerTo<'createSessions'>['SuccessfulList'], remarks: readonly string[]): Answer =>
  batchAnswer(json, sessions, SESSION_COLUMNS, remarks);

/** Success only where every item succeeded. */
function batchAnswer<Row>(
  json: object,
  rows: readonly Row[] | null | undefined,
  columns: readonly Column<Row>[],
  remarks: readonly string[],
): Answer {
  const human = (): string => table(rows ?? [], columns);
  return { json, human, remarks, exitCode: remarks.length > 0 ? EXIT.service : EXIT.done };
}

const page = (text: string, next: string | null | undefined): string =>
  next ? `${text}\n\nThere are more: --next-token ${harmless(next)}` : text;

/** Whether its content makes sense is for the broker to say. */
async function inBase64(flag: string, file: string): Promise<string> {
  try {
    return (await readFile(file)).toString('base64');
  } catch (cause) {
    throw new ClientFault(EXIT.usage, `${flag}: ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** What each command does, by the name of its action. */
export const clientActions = {
  createSession,
  deleteSession,
  describeSessions,
  describeServers,
  getSessionConnectionData,
  getSessionScreenshots,
  updateSessionPermissions,
  openServers,
  closeServers,
};
