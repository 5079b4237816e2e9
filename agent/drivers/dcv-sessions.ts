/** What `dcv` says of sessions: as JSON in the shapes of old and new versions, and as the text of those that print no JSON. */
import { z } from 'zod';
import { oneLine } from './dcv-failures.ts';
import type { DriverSession } from './driver.ts';

/** A session, as far as the version at hand tells. */
export interface ListedSession extends Omit<DriverSession, 'creationTime' | 'connections'> {
  readonly creationTime?: number | undefined;
  readonly connections?: number | undefined;
}

const optionalText = z.string().nullish();
const wholeNumber = z.coerce.number().int().min(0);

const session = z.object({
  id: z.string().min(1),
  name: optionalText,
  owner: z.string(),
  type: z
    .string()
    .transform((type) => type.toUpperCase())
    .pipe(z.enum(['CONSOLE', 'VIRTUAL'])),
  'creation-time': optionalText,
  'num-of-connections': wholeNumber.nullish(),
  'last-disconnection-time': optionalText,
  'storage-root': optionalText,
});

const sessions = z.array(session);
const connections = z.array(z.unknown());

/** Throws a sentence that says which program answered what nonsense. */
export function readSessions(json: string): readonly ListedSession[] {
  return readJson('list-sessions', json, sessions).map(fromJson);
}

export function readSession(json: string): ListedSession {
  return fromJson(readJson('describe-session', json, session));
}

/** How many there are. */
export function readConnections(json: string): number {
  return readJson('list-connections', json, connections).length;
}

/** `Session: 'id' (owner:o type:virtual name:'n')`, where id and name stand in quotation marks or not, and the name may be missing. */
const LINE = /^Session: +(?:'(?<quoted>.*?)'|(?<bare>\S+)) +\(owner:(?<owner>.*?) +type:(?<type>virtual|console)(?: +name:(?<name>.*))?\)$/;

/** A line that cannot be read is an error: a session that is passed over would be taken for one that has ended. */
export function readSessionLines(text: string): readonly ListedSession[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !/^there are no|^no .*sessions?/i.test(line)).map(fromLine);
}

export function readJson<T>(command: string, json: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(parse(command, json));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`dcv ${command} answers with JSON that is not understood: ${issue?.path.join('.')}: ${issue?.message}`);
}

function parse(command: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Error(`dcv ${command} answers with something that is not JSON: ${oneLine(json.slice(0, 1000))}`);
  }
}

function fromJson(listed: z.infer<typeof session>): ListedSession {
  return {
    localId: listed.id,
    name: listed.name ?? '',
    owner: listed.owner,
    sessionType: listed.type,
    creationTime: timeFrom(listed['creation-time']),
    connections: listed['num-of-connections'] ?? undefined,
    lastDisconnectionTime: timeFrom(listed['last-disconnection-time']),
    storageRoot: listed['storage-root'] || undefined,
  };
}

function fromLine(line: string): ListedSession {
  const groups = LINE.exec(line)?.groups;
  if (groups === undefined) throw new Error(`dcv list-sessions answers with a line that is not understood: ${oneLine(line)}`);
  const { quoted, bare = '', owner = '', type, name = '' } = groups;
  return {
    localId: quoted ?? bare,
    name: /^'(.*)'$/.exec(name)?.[1] ?? name,
    owner,
    sessionType: type === 'console' ? 'CONSOLE' : 'VIRTUAL',
  };
}

/** Empty, null or unreadable is none. Years before 1970 are nonsense. */
function timeFrom(text: string | null | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return time >= 0 ? time : undefined;
}
