/** Where the original and the DCV server keep their files, on each system. */

/** What `berth agent` reads unless it is told otherwise. */
export const configFileOn = (platform: NodeJS.Platform): string =>
  platform === 'win32' ? 'C:\\Program Files\\NICE\\DCVSessionManagerAgent\\conf\\agent.conf' : '/etc/dcv-session-manager-agent/agent.conf';

/** The settings of the DCV server; undefined on Windows, which has them in its registry. */
export const dcvConfOn = (platform: NodeJS.Platform): string | undefined => (platform === 'win32' ? undefined : '/etc/dcv/dcv.conf');
