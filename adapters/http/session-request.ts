/** One item of createSessions as a command. What each type of session takes is the table of the original's guide. */
import type { SessionId } from '../../domain/ids.ts';
import type { SessionType } from '../../domain/session/events.ts';
import type { Result, SessionWish } from '../application.ts';
import type { CreateSessionRequestData } from '../wire/sessions.ts';
import { createItemReader, type ItemReader } from './item-reader.ts';
import { type ApiLimits, MAX_LENGTH } from './limits.ts';

/** What the original's command line allows. */
const CLIENTS = { min: 1, max: 100 };

/** `id`: what the session is to be called; absent: it gets a new id. */
export function readSessionRequest(item: CreateSessionRequestData, limits: ApiLimits, id?: SessionId): Result<SessionWish> {
  const reader = createItemReader();
  const sessionType = readType(reader, item.Type);
  if (sessionType === 'CONSOLE') refuseVirtualOnly(reader, item);
  return reader.outcome({
    id,
    name: reader.required('Name', item.Name, MAX_LENGTH.name),
    owner: reader.required('Owner', item.Owner, MAX_LENGTH.user),
    sessionType,
    dcvGlEnabled: item.DcvGlEnabled ?? undefined,
    maxConcurrentClients: reader.bounded('MaxConcurrentClients', item.MaxConcurrentClients, CLIENTS),
    initFilePath: reader.optional('InitFilePath', item.InitFilePath, MAX_LENGTH.path),
    initFile: reader.optional('InitFile', item.InitFile, MAX_LENGTH.path),
    autorunFile: reader.optional('AutorunFile', item.AutorunFile, MAX_LENGTH.path),
    autorunFileArguments: readArguments(reader, item, limits),
    permissionsFile: reader.permissions('PermissionsFile', item.PermissionsFile, MAX_LENGTH.permissionsFile),
    storageRoot: reader.optional('StorageRoot', item.StorageRoot, MAX_LENGTH.path),
    requirements: readRequirements(reader, item.Requirements),
    enqueue: item.EnqueueRequest ?? false,
    retry: !item.DisableRetryOnFailure,
  });
}

function readType(reader: ItemReader, type: string | null | undefined): SessionType {
  const name = reader.required('Type', type, MAX_LENGTH.name).toLowerCase();
  reader.refuseIf(name !== '' && name !== 'virtual' && name !== 'console', 'Type must be VIRTUAL or CONSOLE.');
  return name === 'console' ? 'CONSOLE' : 'VIRTUAL';
}

/** AutorunFile is not here: a console session on Windows takes it, so only the host can tell. */
function refuseVirtualOnly(reader: ItemReader, item: CreateSessionRequestData): void {
  const refuse = (field: string, given: unknown) => reader.refuseIf(Boolean(given), `${field} is not supported for a CONSOLE session.`);
  refuse('InitFile', item.InitFile);
  refuse('InitFilePath', item.InitFilePath);
  refuse('DcvGlEnabled', item.DcvGlEnabled);
  refuse('AutorunFileArguments', item.AutorunFileArguments?.length);
}

function readArguments(reader: ItemReader, item: CreateSessionRequestData, limits: ApiLimits): readonly string[] | undefined {
  const given = item.AutorunFileArguments ?? [];
  if (given.length === 0) return undefined;
  reader.refuseIf(!item.AutorunFile, 'AutorunFileArguments needs an AutorunFile.');
  reader.refuseIf(given.length > limits.autorunArguments, `AutorunFileArguments has more than ${limits.autorunArguments} items.`);
  for (const [index, argument] of given.entries()) {
    reader.optional(`AutorunFileArguments[${index}]`, argument, limits.autorunArgumentLength);
  }
  return given;
}

/** The language of requirements takes line breaks and tabs for blanks, so they are no reason to refuse it. */
function readRequirements(reader: ItemReader, requirements: string | null | undefined): string | undefined {
  reader.optional('Requirements', requirements?.replaceAll(/[\t\r\n]/g, ' '), MAX_LENGTH.requirements);
  return requirements?.trim() || undefined;
}
