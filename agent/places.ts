/** Where the original and the DCV server keep their files, on each system. */

/** What `berth agent` reads unless it is told otherwise. */
export const configFileOn = (platform: NodeJS.Platform): string =>
  platform === 'win32' ? 'C:\\Program Files\\NICE\\DCVSessionManagerAgent\\conf\\agent.conf' : '/etc/dcv-session-manager-agent/agent.conf';

/** The settings of the DCV server; undefined on Windows, which has them in its registry. */
export const dcvConfOn = (platform: NodeJS.Platform): string | undefined => (platform === 'win32' ? undefined : '/etc/dcv/dcv.conf');

/** What `agent.conf` need not say. */
export interface PlatformPaths {
  readonly initFolder: string;
  readonly autorunFolder: string;
  /** The guide names the one and the shipped file the other. */
  readonly tagsFolders: readonly string[];
  readonly dcvPath: string;
  readonly logFolder: string;
  /** Ours alone. */
  readonly stateFolder: string;
}

const LIBRARY = '/var/lib/dcv-session-manager-agent';
const SETTINGS = '/etc/dcv-session-manager-agent';

const UNIX: PlatformPaths = {
  initFolder: `${LIBRARY}/init`,
  autorunFolder: `${LIBRARY}/autorun`,
  tagsFolders: [SETTINGS, `${SETTINGS}/tags`],
  dcvPath: '/usr/bin/dcv',
  logFolder: '/var/log/dcv-session-manager-agent/',
  stateFolder: `${LIBRARY}/state`,
};

const PROGRAM = 'C:\\Program Files\\NICE\\DCVSessionManagerAgent\\conf';
const DATA = 'C:\\ProgramData\\NICE\\DcvSessionManagerAgent';

const WINDOWS: PlatformPaths = {
  initFolder: `${DATA}\\init`,
  autorunFolder: `${DATA}\\autorun`,
  tagsFolders: [PROGRAM, `${PROGRAM}\\tags`],
  dcvPath: 'C:\\Program Files\\NICE\\DCV\\Server\\bin\\dcv.exe',
  logFolder: 'C:\\ProgramData\\NICE\\DCVSessionManagerAgent\\log',
  stateFolder: `${DATA}\\state`,
};

/** `platform` as Node names it. */
export function platformPaths(platform: NodeJS.Platform): PlatformPaths {
  return platform === 'win32' ? WINDOWS : UNIX;
}
