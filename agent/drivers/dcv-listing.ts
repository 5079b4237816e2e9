/** The sessions of a DCV server, completed by further questions where its version lists less than is asked for. */
import type { Clock } from '../../domain/ports/clock.ts';
import { aboutSession } from './dcv-arguments.ts';
import { READ } from './dcv-limits.ts';
import { type ListedSession, readConnections, readSession, readSessionLines, readSessions } from './dcv-sessions.ts';
import { DcvFailure, type DcvTool } from './dcv-tool.ts';
import type { DriverSession } from './driver.ts';

/** Rejects when the DCV server does not answer, or answers nonsense. */
export type ListSessions = () => Promise<readonly DriverSession[]>;

export function createListing(tool: DcvTool, clock: Clock): ListSessions {
  /** When sessions were first seen whose DCV server does not tell when they were made. */
  const firstSeen = new Map<string, number>();

  async function listed(): Promise<readonly ListedSession[]> {
    return tool.firstKnown('list-sessions', [
      async () => readSessions(await text(['list-sessions', '--json'])),
      async () => readSessionLines(await text(['list-sessions'])),
    ]);
  }

  async function text(parameters: readonly string[]): Promise<string> {
    return (await tool.ask(parameters, READ)).toString('utf8');
  }

  async function described(session: ListedSession): Promise<ListedSession> {
    if (session.creationTime !== undefined || session.connections !== undefined) return session;
    const line = aboutSession('describe-session', session.localId);
    if ('failed' in line) return session;
    return tool.firstKnown('describe-session', [
      async () => readSession(await text([...line.parameters, '--json'])),
      // Its text has no shape that could be relied on.
      async () => session,
    ]);
  }

  async function counted(session: ListedSession): Promise<number> {
    if (session.connections !== undefined) return session.connections;
    const line = aboutSession('list-connections', session.localId);
    if ('failed' in line) return 0;
    return tool.firstKnown('list-connections', [async () => readConnections(await text([...line.parameters, '--json'])), async () => 0]);
  }

  /** Undefined: it ended meanwhile. */
  async function completed(listed: ListedSession): Promise<DriverSession | undefined> {
    try {
      const session = await described(listed);
      const connections = await counted(session);
      return { ...session, connections, creationTime: session.creationTime ?? seen(session.localId) };
    } catch (error) {
      if (error instanceof DcvFailure && error.kind === 'no session') return undefined;
      throw error;
    }
  }

  function seen(localId: string): number {
    const time = firstSeen.get(localId) ?? clock.now();
    firstSeen.set(localId, time);
    return time;
  }

  return async () => {
    const sessions = await Promise.all((await listed()).map(completed));
    const alive = sessions.filter((session) => session !== undefined);
    const ids = new Set(alive.map(({ localId }) => localId));
    for (const localId of firstSeen.keys()) if (!ids.has(localId)) firstSeen.delete(localId);
    return alive;
  };
}
