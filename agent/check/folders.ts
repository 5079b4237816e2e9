/** The folders that the agent works in: there, usable by its user, and nobody else's to fill. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AgentConfig } from '../config.ts';
import { messageOf } from '../thrown.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import type { World } from './world.ts';

interface Wanted {
  readonly check: string;
  readonly path: string;
  /** The agent writes to it, and makes it where it is not there. */
  readonly isWritten: boolean;
  /** What does not work without it. */
  readonly without: string;
  /** How bad that is. */
  readonly mark: typeof fail;
}

const OTHERS_MAY_WRITE = 0o002;

export async function checkFolders(
  { stateFolder, initFolder, autorunFolder, log }: AgentConfig,
  world: World,
): Promise<readonly Finding[]> {
  const wanted: readonly Wanted[] = [
    { check: 'state folder', path: stateFolder, isWritten: true, without: 'the agent does not start', mark: fail },
    { check: 'log folder', path: log.directory, isWritten: true, without: 'there are no log files', mark: warn },
    { check: 'init folder', path: initFolder, isWritten: false, without: 'sessions with an InitFile fail', mark: warn },
    { check: 'autorun folder', path: autorunFolder, isWritten: false, without: 'sessions with an AutorunFile fail', mark: warn },
  ];
  return Promise.all(wanted.map((each) => checkFolder(each, world)));
}

async function checkFolder(wanted: Wanted, { user, platform }: World): Promise<Finding> {
  const { check, path, isWritten, without, mark } = wanted;
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error)
    return found.code === 'ENOENT' ? missing(wanted, user.name) : mark(check, messageOf(found), letIn(path, user.name));
  if (!found.isDirectory()) return fail(check, `${path} is not a folder, so ${without}.`, `Move it away and make a folder of that name.`);
  if (platform !== 'win32' && (found.mode & OTHERS_MAY_WRITE) !== 0) {
    return fail(check, `Anybody on this host may put files into ${path}.`, `Take that away: chmod o-w ${path}`);
  }
  if (await isUsable(path, isWritten)) return ok(check, path);
  /* c8 ignore next -- root, as whom tests may run, may use everything */
  return mark(check, `${user.name} may not ${isWritten ? 'write to' : 'read'} ${path}, so ${without}.`, letIn(path, user.name));
}

async function missing({ check, path, isWritten, without, mark }: Wanted, user: string): Promise<Finding> {
  if (isWritten && (await isUsable(await existing(dirname(path)), true))) return ok(check, `${path} is not there yet, and can be made.`);
  return mark(check, `There is no folder ${path}, so ${without}.`, `Make it: mkdir -p -m 755 ${path} && chown ${user} ${path}`);
}

/** The nearest folder above that is there. */
async function existing(path: string): Promise<string> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  return isThere || dirname(path) === path ? path : existing(dirname(path));
}

const letIn = (path: string, user: string): string => `Give it to the user of the agent: chown ${user} ${path}`;

async function isUsable(path: string, isWritten: boolean): Promise<boolean> {
  const needed = constants.R_OK | constants.X_OK | (isWritten ? constants.W_OK : 0);
  return access(path, needed).then(
    () => true,
    () => false,
  );
}
