/** What each command of the stand-in does to its store and prints. What it throws goes to stderr, and the command ends with an error. */
import { spawn } from 'node:child_process';
import { accessSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandLine } from './command-line.ts';
import { connectionsJson, sessionJson, sessionLine, timestamp } from './shapes.ts';
import type { StandInSession, Store } from './store.ts';

type Command = (line: CommandLine, store: Store) => string | Promise<string>;

export const COMMANDS: Readonly<Record<string, Command>> = {
  'create-session': createSession,
  'close-session'({ id }, store) {
    store.remove(existing(id, store).id);
    return '';
  },
  'list-sessions'(line, store) {
    const { json, shape, quoted } = store.knobs();
    if (line.isJson && !json) throw new Error('Unknown option --json');
    const sessions = store.sessions();
    if (line.isJson) return JSON.stringify(sessions.map((session) => sessionJson(session, shape)));
    return sessions.length === 0 ? 'There are no sessions available.' : sessions.map((session) => sessionLine(session, quoted)).join('\n');
  },
  'describe-session'(line, store) {
    const { describeJson } = store.knobs();
    if (!line.isJson || !describeJson) throw new Error('Unknown option --json');
    return JSON.stringify(sessionJson(existing(line.id, store), store.knobs().shape));
  },
  'list-connections'(line, store) {
    if (!line.isJson || !store.knobs().describeJson) throw new Error('Unknown option --json');
    return JSON.stringify(connectionsJson(existing(line.id, store)));
  },
  'list-endpoints'(line, store) {
    const { endpoints } = store.knobs();
    if (!line.isJson || endpoints === null) throw new Error('Unknown option -j');
    return JSON.stringify(endpoints);
  },
  'set-permissions'(line, store) {
    const session = existing(line.value('--session') ?? '', store);
    store.replace({ ...session, permissions: readFileSync(String(line.value('--file')), 'utf8') });
    return '';
  },
  'get-screenshot': getScreenshot,
  version: (_, store) => store.knobs().version,
};

function existing(id: string, store: Store): StandInSession {
  const session = store.sessions().find((candidate) => candidate.id === id);
  if (session === undefined) throw new Error(`Session '${id}' does not exist`);
  return session;
}

function createSession(line: CommandLine, store: Store): string {
  const session = sessionFrom(line);
  const obstacle = obstacleTo(line, session, store) ?? (store.add(session) ? undefined : `session '${line.id}' already exists`);
  if (obstacle !== undefined) throw new Error(`Could not create session, ${obstacle}`);
  if (session.init !== null && store.knobs().runsInit) startInit(session.init, line.id, store);
  return '';
}

function sessionFrom(line: CommandLine): StandInSession {
  const given = (flag: string, otherwise: string): string => line.value(flag) ?? otherwise;
  const file = line.value('--permissions-file');
  return {
    id: line.id,
    name: given('--name', ''),
    owner: given('--owner', 'root'),
    user: given('--user', given('--owner', 'root')),
    type: line.value('--type') === 'console' ? 'console' : 'virtual',
    gl: line.value('--gl') ?? null,
    maxClients: Number(given('--max-concurrent-clients', '0')) || null,
    storageRoot: given('--storage-root', ''),
    permissions: file === undefined ? null : readFileSync(file, 'utf8'),
    init: line.value('--init') ?? null,
    creationTime: timestamp(new Date()),
    lastDisconnectionTime: '',
    users: [],
  };
}

function obstacleTo(line: CommandLine, { type, owner, init }: StandInSession, store: Store): string | undefined {
  const { localUsers, maxSessions } = store.knobs();
  const sessions = store.sessions();
  if (init !== null) accessSync(init, constants.X_OK);
  if (localUsers?.includes(owner) === false) return 'Specified user is not a local user';
  if (maxSessions !== null && sessions.length >= maxSessions) return 'the maximum number of sessions has been reached';
  if (type === 'virtual') return undefined;
  if (sessions.some((session) => session.type === 'console')) return 'a console session is already running';
  return ['--user', '--gl', '--init'].some((flag) => line.value(flag) !== undefined) ? 'that is for virtual sessions only' : undefined;
}

/** As a session does that has a display. */
function startInit(path: string, id: string, store: Store): void {
  const output = openSync(join(store.folder, `${encodeURIComponent(id)}.init.log`), 'a');
  const env = { ...process.env, DISPLAY: ':1', DCV_SESSION_ID: id };
  spawn(path, [], { detached: true, stdio: ['ignore', output, output], env }).unref();
}

async function getScreenshot(line: CommandLine, store: Store): Promise<string> {
  existing(line.id, store);
  if (line.isJson && !store.knobs().screenshotJson) throw new Error('Unknown option --json');
  // Only here, because it takes longer to load than all the rest.
  const { picture } = await import('./picture.ts');
  const format = line.value('--format') ?? 'PNG';
  const data = picture(Number(line.value('--max-width') ?? 1024), Number(line.value('--max-height') ?? 768), format);
  const path = line.value('--output') ?? line.value('-o');
  if (line.isJson) return JSON.stringify({ format: format.toLowerCase(), base64: data.toString('base64') });
  if (path === undefined) throw new Error('Missing --output');
  writeFileSync(path, data);
  return '';
}
