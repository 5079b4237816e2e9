/** The nine commands of the original's client, `dcvsm`, as part of `berth`: what they are called and what they can be told. */
import { type Command, Option } from 'commander';
import type { Client } from '../client/client.ts';
import type * as Flags from './client-flags.ts';
import { clientFlagsOf, flag, ids, number, sessionType, withClientFlags, withPageFlags, withWaitFlags } from './client-flags.ts';
import type { Answer } from './client-run.ts';

type Actions = typeof import('./client-actions.ts').clientActions;
type Act<F> = (actions: Actions, client: Client, flags: F) => Promise<Answer>;

const SESSION_ID = ['--session-id <id>', 'the id of the session'] as const;
const SERVER_IDS = ['--server-ids <ids...>', 'the ids of servers, separated by commas or blanks', ids] as const;
const OWNER = ['--owner <name>', 'the user it belongs to'] as const;

/** `finish` runs an action and ends the process with its exit code. */
export function addClientCommands(program: Command, finish: (action: () => Promise<number>) => Promise<void>): void {
  withClientFlags(program);
  program.commandsGroup('Commands of the client:');

  function add<F>(name: string, example: string, act: Act<F>): Command {
    const command = program.command(name).addHelpText('after', `\nExample:\n  $ berth ${name} ${example}`);
    return command.action((flags: F) =>
      finish(async () => {
        const [{ runClient }, { clientActions }] = await Promise.all([import('./client-run.ts'), import('./client-actions.ts')]);
        return runClient(clientFlagsOf(program, command), (client) => act(clientActions, client, flags));
      }),
    );
  }

  addCreateSession(add);
  addSessionCommands(add);
  addServerCommands(add);
  program.commandsGroup('');
}

/** Whether it takes the flags that may also stand before it. */
export const isClientCommand = ({ options }: Command): boolean => options.some(({ long }) => long === '--broker-url');

type Add = <F>(name: string, example: string, act: Act<F>) => Command;

function addCreateSession(add: Add): void {
  const create = add<Flags.CreateSessionFlags>(
    'create-session',
    '--name drawing --owner ann --type Virtual --wait',
    (actions, client, flags) => actions.createSession(client, flags),
  );
  create
    .description('create a session')
    .requiredOption('--name <text>', 'its name, for people')
    .requiredOption('--owner <name>', 'the user it is for')
    .addOption(
      new Option('--type <type>', 'Console or Virtual').choices(['Console', 'Virtual']).argParser(sessionType).makeOptionMandatory(),
    )
    .option('--init-file <file>', "what makes the session, in the agent's init folder")
    .option('--init-file-path <path>', 'the same with its full path on the host (deprecated)')
    .option('--autorun-file <file>', "what to run in it, in the agent's autorun folder")
    .option('--autorun-file-arguments <arguments...>', 'what to run it with; one that begins with "-" as --autorun-file-arguments=-v')
    .option('--max-concurrent-clients <number>', 'how many may connect at a time: 1 to 100', number(1, 100))
    .addOption(new Option('--max-concurrents-clients <number>').argParser(number(1, 100)).hideHelp().conflicts('maxConcurrentClients'))
    .addOption(flag('--dcv-gl-enabled', 'accelerate OpenGL'))
    .option('--permissions-file <file>', 'a permissions file on this machine')
    .option('--requirements <expression>', 'what its server must be like')
    .option('--storage-root <folder>', 'the folder on the host for file transfer')
    .addOption(flag('--enqueue-request', 'wait for a server when none can take it now'))
    .addOption(flag('--disable-retry-on-failure', 'do not try another server when one fails'));
  withClientFlags(withWaitFlags(create, 'READY'));
}

function addSessionCommands(add: Add): void {
  const describe = add<Flags.DescribeSessionsFlags>('describe-sessions', '--owner ann', (actions, client, flags) =>
    actions.describeSessions(client, flags),
  );
  describe
    .description('describe sessions')
    .option('--session-ids <ids...>', 'only these, separated by commas or blanks', ids)
    .option('--owner <name>', 'only those of this user');
  withClientFlags(withPageFlags(describe));

  const remove = add<Flags.DeleteSessionFlags>('delete-session', '--session-id 0f6d1c52-… --owner ann --wait', (actions, client, flags) =>
    actions.deleteSession(client, flags),
  );
  remove
    .description('delete a session')
    .requiredOption(...SESSION_ID)
    .requiredOption(...OWNER)
    .addOption(flag('--force', 'forget it even though its host cannot be reached'));
  withClientFlags(withWaitFlags(remove, 'DELETED'));

  const connect = add<Flags.ConnectionDataFlags>(
    'get-session-connection-data',
    '--session-id 0f6d1c52-… --user ann',
    (actions, client, flags) => actions.getSessionConnectionData(client, flags),
  );
  connect
    .description('get what it takes to connect to a session')
    .requiredOption(...SESSION_ID)
    .requiredOption('--user <name>', 'who is to connect');
  withClientFlags(connect);

  const picture = add<Flags.ScreenshotFlags>(
    'get-session-screenshots',
    '--session-ids 0f6d1c52-… --max-width 640',
    (actions, client, flags) => actions.getSessionScreenshots(client, flags),
  );
  picture
    .description('get pictures of sessions')
    .requiredOption('--session-ids <ids...>', 'of these, separated by commas or blanks', ids)
    .option('--max-width <pixels>', 'the greatest width', number(1, 65_535))
    .option('--max-height <pixels>', 'the greatest height', number(1, 65_535));
  withClientFlags(picture);

  const permit = add<Flags.PermissionsFlags>(
    'update-session-permissions',
    '--session-id 0f6d1c52-… --owner ann --permission-file ann.perm',
    (actions, client, flags) => actions.updateSessionPermissions(client, flags),
  );
  permit
    .description('replace the permissions of a session; nobody is disconnected')
    .requiredOption(...SESSION_ID)
    .requiredOption(...OWNER)
    .option('--permission-file <file>', 'a permissions file on this machine')
    .addOption(new Option('--permissions-file <file>').hideHelp().conflicts('permissionFile'));
  withClientFlags(permit);
}

function addServerCommands(add: Add): void {
  const describe = add<Flags.DescribeServersFlags>('describe-servers', '--output-format json', (actions, client, flags) =>
    actions.describeServers(client, flags),
  );
  describe.description('describe servers').option('--server-ids <ids...>', 'only these, separated by commas or blanks', ids);
  withClientFlags(withPageFlags(describe));

  const open = add<Flags.ServerIdsFlags>('open-servers', '--server-ids aXAtMTAtMC0wLTEy', (actions, client, flags) =>
    actions.openServers(client, flags),
  );
  withClientFlags(open.description('let servers take new sessions again').requiredOption(...SERVER_IDS));

  const close = add<Flags.ServerIdsFlags>(
    'close-servers',
    '--server-ids aXAtMTAtMC0wLTEy,aXAtMTAtMC0wLTEz --force',
    (actions, client, flags) => actions.closeServers(client, flags),
  );
  close
    .description('let servers take no new sessions')
    .requiredOption(...SERVER_IDS)
    .addOption(flag('--force', 'even where sessions run; they live on'));
  withClientFlags(close);
}
