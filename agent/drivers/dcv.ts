/** Drives the real DCV server of the host through its command line. */
import type { Logger } from '../../adapters/logging.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import type { HostFacts } from '../host-facts.ts';
import type { Folders } from '../session-files.ts';
import { messageOf } from '../thrown.ts';
import { aboutSession, type CommandLine, createSession, setPermissions } from './dcv-arguments.ts';
import { type CommandLimits, createCommand } from './dcv-command.ts';
import type { FailureKind } from './dcv-failures.ts';
import { openDcvFiles } from './dcv-files.ts';
import { CHANGE, CREATE } from './dcv-limits.ts';
import { createListing } from './dcv-listing.ts';
import { takePicture } from './dcv-pictures.ts';
import { prepareSession, readPermissions } from './dcv-preparation.ts';
import { createServerFacts } from './dcv-server-facts.ts';
import { createDcvTool, DcvFailure } from './dcv-tool.ts';
import { createDcvWatch } from './dcv-watch.ts';
import type { Driver, DriverSession, Outcome } from './driver.ts';

export interface DcvSettings {
  /** The program `dcv`. */
  readonly dcvPath: string;
  readonly folders: Folders;
  /** The agent's own; it is there. */
  readonly stateFolder: string;
  /** What brings up the desktop of a virtual session that has no init file; absent: the DCV server's own. */
  readonly defaultInit?: string | undefined;
  /** Whether the agent runs as root, who alone may say under which user a session runs. */
  readonly isRoot: boolean;
}

export interface DcvDeps {
  readonly host: HostFacts;
  readonly clock: Clock;
  readonly log: Logger;
}

const DEFAULT_INIT = '/etc/dcv/dcvsessioninit';

/** Rejects when the state folder cannot be used. The DCV server may be down, or missing. */
export async function createDcvDriver(settings: DcvSettings, { host, clock, log }: DcvDeps): Promise<Driver> {
  const { folders, defaultInit = DEFAULT_INIT, isRoot } = settings;
  const tool = createDcvTool(createCommand(settings.dcvPath));
  const files = await openDcvFiles(settings.stateFolder);
  const server = createServerFacts(tool, clock);
  const listing = createListing(tool, clock);
  const watching = createDcvWatch(list, clock);
  /** It stays what it is. */
  let osFamily: string | undefined;

  async function list(): Promise<readonly DriverSession[]> {
    const look = files.beforeLook();
    watching.looked();
    try {
      const sessions = await listing();
      await files.keepOnly(new Set(sessions.map(({ localId }) => localId)), look);
      return sessions;
    } catch (error) {
      // When it is back it may be of another version.
      server.expire();
      throw error;
    }
  }

  /** What the DCV server says against it is an outcome, unless it is `doneAnyway`; that there is none to say anything is not. */
  async function change(line: CommandLine, limits: CommandLimits, doneAnyway?: FailureKind): Promise<Outcome> {
    if ('failed' in line) return line;
    watching.stir();
    try {
      await tool.ask(line.parameters, limits);
      return { done: true };
    } catch (error) {
      if (error instanceof DcvFailure && error.kind === doneAnyway) return { done: true };
      log.warn({ command: line.parameters[0], reason: messageOf(error) }, 'the DCV server did not do what it was asked for');
      if (error instanceof DcvFailure && error.kind !== 'server down') return { failed: error.message };
      throw error;
    }
  }

  return {
    async describe() {
      const [facts, itself] = await Promise.all([host.describe(), server.describe()]);
      // A DCV server that listens on every address names none.
      return { ...facts, ...itself, endpoints: itself.endpoints.map((endpoint) => ({ ipAddress: facts.ip, ...endpoint })) };
    },
    telemetry: () => host.telemetry(),
    loggedInUsers: () => host.loggedInUsers(),
    list,
    create: (wish) =>
      files.during(wish.localId, async () => {
        osFamily ??= (await host.describe()).os.family;
        const paths = await prepareSession(wish, osFamily, { folders, files, defaultInit });
        return 'failed' in paths ? paths : change(createSession(wish, paths, isRoot), CREATE);
      }),
    close: (localId) => change(aboutSession('close-session', localId), CHANGE, 'no session'),
    setPermissions: (localId, permissionsFile) =>
      files.during(localId, async () => {
        const permissions = readPermissions(permissionsFile);
        if ('failed' in permissions) return permissions;
        return change(setPermissions(localId, await files.writePermissions(localId, permissions.text)), CHANGE);
      }),
    async screenshot(localId, wish) {
      const taken = await takePicture(tool, files.folder, localId, wish);
      if ('failed' in taken) return taken;
      return { images: [{ format: wish.format, data: taken.picture.toString('base64'), time: clock.now(), primary: true }] };
    },
    watch: watching.watch,
  };
}
