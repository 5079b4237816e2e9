#!/usr/bin/env node
/** The program `berth`: its commands and flags. Each command loads only what it needs. The only place that ends the process in the ordinary way. */
import { readFileSync } from 'node:fs';
import { Argument, Command, CommanderError } from 'commander';
import { EXIT } from '../client/client-fault.ts';
import { LOG_LEVELS } from '../logging.ts';
import { addAccessCommands, spelledOut } from './access-commands.ts';
import { addClientCommands, isClientCommand } from './client-commands.ts';
import { completionScript, SHELLS, type Shell } from './completion.ts';
import type {
  AgentCheckFlags,
  AgentFlags,
  ArchiveFlags,
  AuditFlags,
  BackupFlags,
  BrokerFlags,
  CopyFlags,
  DescribeFlags,
  OutputFlags,
  ReplaceKeyFlags,
  ReplayFlags,
  RestoreFlags,
  StartFlags,
  VerifyFlags,
} from './flags.ts';
import { complain, print } from './output.ts';
import { OutputClosed } from './records.ts';

const VERIFY_HELP = `
With --log, --data-dir names a folder whose evidence.json to trust. The exit code is 0 where nothing is wrong, 1 where
something is, and 2 where that could not be found out.

Example:
  $ berth audit verify --data-dir /var/lib/berth --evidence /mnt/elsewhere/evidence.json`;

const REPLACE_HELP = `
Tokens that were given out are refused from then on, and agents and clients have to be given the new tls/ca.pem.

Example:
  $ berth replace-cluster-key --data-dir /var/lib/berth`;

const program = new Command('berth')
  .description('An open session manager for fleets of remote desktop servers, wire-compatible with DCV Session Manager.')
  .version(version())
  .showHelpAfterError('(--help says more)')
  // Options behind a command are its own; before it they are the client's.
  .enablePositionalOptions()
  .exitOverride()
  .hook('preAction', refuseStrayFlags);

withBrokerFlags(program.command('start'))
  .description('start a broker and a few simulated servers, to try Berth on one machine')
  .option('--servers <number>', 'how many simulated servers', '3')
  .addHelpText('after', '\nExample:\n  $ berth start --servers 5 --data-dir /tmp/berth')
  .action((flags: StartFlags) => run(async () => (await import('./start-command.ts')).start(flags)));

withBrokerFlags(program.command('broker'))
  .description('run a broker')
  .addHelpText('after', '\nExample:\n  $ berth broker --data-dir /var/lib/berth --host 0.0.0.0')
  .action((flags: BrokerFlags) => run(async () => (await import('./broker-command.ts')).runBroker(flags)));

const agent = program
  .command('agent')
  .enablePositionalOptions()
  .description('run the agent of one server')
  .option('--config <file>', 'its agent.conf (TOML; default: where the original has it)')
  .option('--log-level <level>', `what to log: ${LOG_LEVELS.join(', ')} (default: as its agent.conf says)`)
  .action((flags: AgentFlags) => run(async () => (await import('./agent-command.ts')).runAgentCommand(flags)));

withOutputFlags(agent.command('check'))
  .description('say whether this host has what the agent needs, and what to do where it has not')
  .option('--config <file>', 'its agent.conf (TOML; default: where the original has it)')
  .option('--dcv-conf <file>', 'the settings of the DCV server (default: /etc/dcv/dcv.conf)')
  .option('--enrol', 'enrol the agent with its broker if it is not')
  .action((flags: AgentCheckFlags) => run(async () => (await import('./agent-check-command.ts')).runAgentCheck(flags)));

const audit = withLogFlags(program.command('audit'))
  .description('list who did what, to whom, when and from which request')
  .option('--actor <id>', 'a session, server or credential, or the name of a stream; also refused attempts at it')
  .option('--client <id>', 'the API client that caused it, or in whose name it was attempted')
  .option('--owner <name>', 'the owner of the session')
  .option('--type <type>', 'what happened: session.deleted, or all types that begin with session.')
  .option('--from <time>', 'from then on: 2026-01-31T08:00:00Z, or a date')
  .option('--to <time>', 'before then')
  .option('--request <id>', 'what followed from one request')
  .option('--csv', 'CSV for spreadsheets')
  .option('--follow', 'go on with what happens, from now on or since --from')
  .addHelpText('after', '\nExample:\n  $ berth audit --type attempt. --from 2026-01-31 --csv > refused.csv')
  .action((flags: AuditFlags) => run(async () => (await import('./audit-command.ts')).runAudit(flags)));

withLogFlags(audit.command('verify'))
  .description('find facts that were altered, inserted, removed, put into another order or cut off since they were written')
  .option('--evidence <file...>', 'what to trust: copies of evidence.json kept elsewhere (default: the one in the data folder)')
  .addHelpText('after', VERIFY_HELP)
  // Flags that both know may stand before the word or behind it.
  .action((flags: VerifyFlags) => run(async () => (await import('./verify-command.ts')).runVerify({ ...audit.opts(), ...flags }), 2));

withLogFlags(program.command('replay'))
  .description('build the read models again from the log, and compare them with those in use')
  .option('--model <name>', 'only one: sessions, servers, access, brokers, dns or auth-servers')
  .option('--swap', 'put them in the place of those in use; a running broker does that itself')
  .action((flags: ReplayFlags) => run(async () => (await import('./replay-command.ts')).runReplay(flags)));

withWholeLogFlags(program.command('describe'))
  .description('describe sessions or servers as they are by the log, or as they were')
  .argument('<what>', 'sessions or servers')
  .option('--as-of <moment>', 'a time such as 2026-01-15T09:30:00Z, or a position in the log (default: now)')
  .option('--id <id...>', 'only these')
  .option('--filter <key=value...>', 'only sessions that pass: owner, name, state, server or tag:<key>')
  .option('--config <file>', 'a session-manager-broker.properties, for how long a deleted session is described')
  .addHelpText('after', '\nExample:\n  $ berth describe sessions --as-of 2026-01-15T09:30:00Z --filter owner=barbara')
  .action((what: string, flags: DescribeFlags) => run(async () => (await import('./describe-command.ts')).runDescribe(what, flags)));

withOutputFlags(program.command('backup'))
  .description('copy what a broker keeps, while it runs or not')
  .option('--data-dir <folder>', "the broker's data folder (default: ./berth-data)")
  .requiredOption('--to <folder>', 'where the copy goes: a folder that is not there yet')
  .addHelpText('after', '\nExample:\n  $ berth backup --data-dir /var/lib/berth --to /backup/berth-2026-01-31')
  .action((flags: BackupFlags) => run(async () => (await import('./backup-command.ts')).runBackup(flags)));

withOutputFlags(program.command('restore'))
  .description('make a data folder from a backup')
  .requiredOption('--from <folder>', 'a backup')
  .option('--data-dir <folder>', 'the folder to make, which is not there yet (default: ./berth-data)')
  .addHelpText('after', '\nExample:\n  $ berth restore --from /backup/berth-2026-01-31 --data-dir /var/lib/berth')
  .action((flags: RestoreFlags) => run(async () => (await import('./backup-command.ts')).runRestore(flags)));

withFolderFlags(program.command('replace-cluster-key'))
  .description('make a new cluster key where the old one is lost or has leaked; no broker may run on the log')
  .option('--force', 'although the present key is good')
  .addHelpText('after', REPLACE_HELP)
  .action((flags: ReplaceKeyFlags) => run(async () => (await import('./replace-key-command.ts')).runReplaceKey(flags)));

const config = program.command('config').description("look into a broker's settings");

withOutputFlags(config.command('check'))
  .description('say whether a configuration file can be used, with all that is wrong in it')
  .argument('<file>', 'a session-manager-broker.properties')
  .action((file: string, flags: OutputFlags) => run(async () => (await import('./config-command.ts')).runConfigCheck(file, flags)));

withOutputFlags(withBrokerFlags(config.command('show')))
  .description('list all settings as they hold for a broker that is started like this, and where each comes from')
  .action((flags: BrokerFlags & OutputFlags) => run(async () => (await import('./config-command.ts')).runConfigShow(flags)));

const log = program.command('log').description('move a log, or what is over in it');

log
  .command('copy')
  .description('copy a log into another one that is empty or holds the beginning of it; stopped or killed, it goes on where it was')
  .argument('<from>', 'a data folder, or esdb://host:2113')
  .argument('<to>', 'likewise; a folder is made if it is missing')
  .option('--from-prefix <text>', 'what the names of the streams on the server that is copied from begin with')
  .option('--to-prefix <text>', 'likewise on the server that is copied to')
  .option('--from-archive <folder>', 'where the archives of the log that is copied are (default: archive in its data folder)')
  .option('--json', 'a JSON line (default: where the output is not a terminal)')
  .option('--no-json', 'lines for people (default: on a terminal)')
  .addHelpText('after', '\nExample:\n  $ berth log copy /var/lib/berth esdb://log-1:2113')
  .action((from: string, to: string, flags: CopyFlags) =>
    run(async () => (await import('./log-copy-command.ts')).runCopy(from, to, flags)),
  );

withOutputFlags(withSourceFlags(log.command('archive')))
  .description('move what has been over for long from the log to compressed files, which the audit still reads')
  .requiredOption('--older-than <time>', 'nothing has happened to it for so long: 90d, 12w or 2y')
  .option('--to <folder>', 'where the files go (default: archive in the data folder)')
  .option('--dry-run', 'only say how much it would be')
  .option('--config <file>', 'a session-manager-broker.properties, for how long a deleted session is described')
  .addHelpText('after', '\nExample:\n  $ berth log archive --data-dir /var/lib/berth --older-than 90d')
  .action((flags: ArchiveFlags) => run(async () => (await import('./log-archive-command.ts')).runArchive(flags)));

addClientCommands(program, run);
addAccessCommands(program, run);

program
  .command('completion')
  .description('write the completion script of a shell')
  .addArgument(new Argument('<shell>').choices(SHELLS))
  .addHelpText('after', '\nExample:\n  $ source <(berth completion bash)')
  .action((shell: Shell) => print(completionScript(program, shell).trimEnd()));

try {
  await program.parseAsync(spelledOut(process.argv));
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // It has been said what is wrong with the command line, or what was asked for: help, the version.
  process.exit(error.exitCode === 0 ? EXIT.done : EXIT.usage);
}

/** Flags of the client before a command that is not of the client would go unheard. */
function refuseStrayFlags(root: Command, command: Command): void {
  if (isClientCommand(command)) return;
  const stray = root.options.find((option) => root.getOptionValueSource(option.attributeName()) === 'cli');
  if (stray === undefined) return;
  const isKnown = command.options.some(({ long }) => long === stray.long);
  command.error(`error: ${stray.long} ${isKnown ? `must stand behind ${command.name()}` : `is not an option of ${command.name()}`}`);
}

/** What says where a broker keeps everything. */
function withFolderFlags(command: Command): Command {
  return command
    .option('--config <file>', 'a session-manager-broker.properties; BERTH_… variables win over what it says, flags over both')
    .option('--data-dir <folder>', 'where everything is kept (default: ./berth-data)')
    .option('--event-log <address>', 'the event log elsewhere: esdb://host:2113 (default: in the data folder)')
    .option('--stream-prefix <prefix>', 'for an event log that others use too, such as "acme."');
}

function withBrokerFlags(command: Command): Command {
  return withFolderFlags(command)
    .option('--host <address>', 'the address to listen on (default: 127.0.0.1; with --config: 0.0.0.0)')
    .option('--client-port <port>', 'for clients of the API; 0 takes a free one (default: 8443)')
    .option('--agent-port <port>', 'for agents; 0 takes a free one (default: 8445)')
    .option('--gateway-port <port>', 'for connection gateways, where enable-gateway is true (default: 8447)')
    .option('--log-level <level>', `what to log: ${LOG_LEVELS.join(', ')} (default: warn; info where it goes into files)`);
}

/** For commands that read a log and list what they find. */
function withLogFlags(command: Command): Command {
  return withOutputFlags(withWholeLogFlags(command));
}

/** For commands that list what they find. */
function withOutputFlags(command: Command): Command {
  return command
    .option('--json', 'JSON lines (default: where the output is not a terminal)')
    .option('--no-json', 'lines for people (default: on a terminal)');
}

/** For commands that read a log and what was moved from it to archives. */
function withWholeLogFlags(command: Command): Command {
  return withSourceFlags(command).option('--archive <folder>', 'where the archives of the log are (default: archive in the data folder)');
}

function withSourceFlags(command: Command): Command {
  return command
    .option('--data-dir <folder>', 'the data folder whose log is read (default: ./berth-data)')
    .option('--log <address>', 'a log on a server instead: esdb://host:2113')
    .option('--stream-prefix <text>', 'what the names of its streams there begin with');
}

/** What a command throws is a sentence for the operator; `failed` is the exit code then. */
async function run(command: () => Promise<number>, failed = 1): Promise<void> {
  try {
    process.exit(await command());
  } catch (error) {
    if (error instanceof OutputClosed) process.exit(0);
    complain((error as Error).message);
    process.exit(failed);
  }
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
