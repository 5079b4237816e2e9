/** The flags of the client's commands, under the original's names, and how their values are read. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ClientFlags } from '../client/settings.ts';

export interface DescribeSessionsFlags extends PageFlags {
  readonly sessionIds?: readonly string[];
  readonly owner?: string;
}

export interface DescribeServersFlags extends PageFlags {
  readonly serverIds?: readonly string[];
}

interface PageFlags {
  readonly maxResults?: number;
  readonly nextToken?: string;
}

export interface WaitFlags {
  readonly wait?: boolean;
  /** Seconds. */
  readonly waitTimeout: number;
}

export interface CreateSessionFlags extends WaitFlags {
  readonly name: string;
  readonly owner: string;
  readonly type: string;
  readonly initFile?: string;
  readonly initFilePath?: string;
  readonly autorunFile?: string;
  readonly autorunFileArguments?: readonly string[];
  readonly maxConcurrentClients?: number;
  /** As some pages of the original print it. */
  readonly maxConcurrentsClients?: number;
  readonly dcvGlEnabled?: boolean;
  readonly permissionsFile?: string;
  readonly requirements?: string;
  readonly storageRoot?: string;
  readonly enqueueRequest?: boolean;
  readonly disableRetryOnFailure?: boolean;
}

export interface DeleteSessionFlags extends WaitFlags {
  readonly sessionId: string;
  readonly owner: string;
  readonly force?: boolean;
}

export interface ConnectionDataFlags {
  readonly sessionId: string;
  readonly user: string;
}

export interface ScreenshotFlags {
  readonly sessionIds: readonly string[];
  readonly maxWidth?: number;
  readonly maxHeight?: number;
}

export interface PermissionsFlags {
  readonly sessionId: string;
  readonly owner: string;
  readonly permissionFile?: string;
  readonly permissionsFile?: string;
}

export interface ServerIdsFlags {
  readonly serverIds: readonly string[];
  readonly force?: boolean;
}

/** Before the command or behind it: which broker, as whom, and how the answer is written. */
export function withClientFlags(command: Command): Command {
  return command
    .optionsGroup('How the broker is reached:')
    .option('--conf <file>', 'the configuration file (default: dcvsmcli.conf in $XDG_CONFIG_HOME)')
    .option('--broker-url <url>', 'the broker, such as https://broker:8443')
    .option('--auth-server-url <url>', 'where tokens come from (default: the broker)')
    .option('--data-dir <folder>', 'or: a broker on this machine, by its data folder (default: ./berth-data)')
    .option('--ca-bundle <file>', 'whose certificates are trusted, in PEM')
    .option('--no-verify-ssl', 'trust whoever answers')
    .addOption(new Option('--output-format <format>', 'table or json (default: table on a terminal, else json)').choices(['json', 'table']))
    .option('--debug', 'tell on stderr what is asked and answered');
}

/** What stands before the command and what stands behind it, which wins. */
export function clientFlagsOf(program: Command, command: Command): ClientFlags {
  const given = [program, command].flatMap((level) =>
    Object.entries(level.opts()).filter(([name]) => level.getOptionValueSource(name) === 'cli'),
  );
  return Object.fromEntries(given);
}

export const withWaitFlags = (command: Command, until: string): Command =>
  command.option('--wait', `wait until it is ${until}`).option('--wait-timeout <seconds>', 'how long to wait', number(1, 86_400), 300);

export const withPageFlags = (command: Command): Command =>
  command
    .option('--max-results <number>', 'how many at most: 1 to 1000', number(1, 1000))
    .option('--next-token <token>', 'where to go on: the NextToken of the answer before');

/** `--force`, `--force true` and `--force false`. */
export const flag = (name: string, description: string): Option => new Option(`${name} [boolean]`, description).argParser(truth);

function truth(text: string): boolean {
  if (/^true$/i.test(text)) return true;
  if (/^false$/i.test(text)) return false;
  throw new InvalidArgumentError('It must be true or false.');
}

/** Separated by commas or blanks, and added to what was given before. */
export function ids(text: string, before: readonly string[] = []): readonly string[] {
  return [
    ...before,
    ...text
      .split(',')
      .map((id) => id.trim())
      .filter((id) => id !== ''),
  ];
}

export const number =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };

/** `Console` and `Virtual` in any case of letters. */
export function sessionType(text: string): string {
  const type = text.toUpperCase();
  if (type === 'CONSOLE' || type === 'VIRTUAL') return type;
  throw new InvalidArgumentError('It must be Console or Virtual.');
}
