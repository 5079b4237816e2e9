/** What the commands can be told, as text. */
import { type BrokerConfig, brokerConfig, type Settings } from '../config.ts';

export interface BrokerFlags {
  readonly dataDir: string;
  readonly host?: string;
  readonly clientPort?: string;
  readonly agentPort?: string;
  readonly logLevel: string;
}

export interface StartFlags extends BrokerFlags {
  readonly servers: string;
}

export interface AgentFlags {
  readonly config: string;
  /** Absent: as its configuration says. */
  readonly logLevel?: string;
}

/** What the flags come to, or ConfigError. A relative folder starts from where the command was given. */
export function brokerConfigOf({ dataDir, host, clientPort, agentPort }: Omit<BrokerFlags, 'logLevel'>): BrokerConfig {
  const settings: Settings = {
    'data-dir': { value: dataDir, from: '--data-dir' },
    ...(host !== undefined && { 'bind-host': { value: host, from: '--host' } }),
    ...(clientPort !== undefined && { 'client-to-broker-connector-https-port': { value: clientPort, from: '--client-port' } }),
    ...(agentPort !== undefined && { 'agent-to-broker-connector-https-port': { value: agentPort, from: '--agent-port' } }),
  };
  return brokerConfig(settings, process.cwd());
}
