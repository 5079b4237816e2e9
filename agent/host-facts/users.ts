/**
 * People who are logged in on the host outside DCV.
 *
 * Linux: the sessions that logind knows, but for those whose PAM service begins with `dcv`, which DCV opened for a virtual session, and those of the
 * login screen and of services; without logind, what `who` says, where DCV's sessions do not appear. Windows: whoever has a session other than the
 * console's, connected or not, so mostly over RDP; a DCV session shows the console, and whoever sits there may be its user.
 */
import type { RunProgram } from './program.ts';

const LIMIT_MS = 5000;
/** As many as the wire takes. */
const MAX_USERS = 1000;

export async function usersOutsideDcv(run: RunProgram, platform: NodeJS.Platform): Promise<readonly string[]> {
  const names = platform === 'win32' ? fromQuser((await run('quser', [], LIMIT_MS)).stdout) : await onUnix(run);
  return [...new Set(names)].sort().slice(0, MAX_USERS);
}

async function onUnix(run: RunProgram): Promise<readonly string[]> {
  const listed = await run('loginctl', ['list-sessions', '--no-legend', '--no-pager'], LIMIT_MS);
  if (!listed.ok) return fromWho((await run('who', [], LIMIT_MS)).stdout);
  const ids = linesOf(listed.stdout).map((line) => String(line.trim().split(/\s+/)[0]));
  if (ids.length === 0) return [];
  const properties = ['Name', 'Class', 'Service', 'State'].map((name) => `--property=${name}`);
  // Says what it knows even if one of them has ended meanwhile.
  const shown = await run('loginctl', ['show-session', ...ids.slice(0, MAX_USERS), ...properties], LIMIT_MS);
  return fromSessions(shown.stdout);
}

/** Blocks of `Name=ann`, with an empty line between them. */
function fromSessions(stdout: string): readonly string[] {
  const sessions = stdout.split(/\n\s*\n/).map((block) => new Map(linesOf(block).map((line) => [before(line), after(line)])));
  const outside = sessions.filter((session) => {
    const isPerson = session.get('Class')?.startsWith('user') === true && session.get('State') !== 'closing';
    return isPerson && session.get('Service')?.startsWith('dcv') !== true;
  });
  return outside.flatMap((session) => session.get('Name') ?? []);
}

const before = (line: string): string => line.slice(0, line.indexOf('=')).trim();
const after = (line: string): string => line.slice(line.indexOf('=') + 1).trim();

/** `ann      pts/0        2026-01-01 10:00 (10.0.0.7)` */
function fromWho(stdout: string): readonly string[] {
  return linesOf(stdout).flatMap((line) => /^\S+/.exec(line)?.[0] ?? []);
}

/** ` ann                   rdp-tcp#3           2  Active          .  1/1/2026 10:00 AM`; who is not connected has no name of a session. */
function fromQuser(stdout: string): readonly string[] {
  const found = linesOf(stdout).flatMap((line) => {
    const [, name, session = ''] = /^[ >](\S.*?)\s{2,}(?:(\S+)\s+)?\d+\s+\S/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, session }];
  });
  return found.filter(({ session }) => session.toLowerCase() !== 'console').map(({ name }) => name);
}

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line.trim() !== '');
