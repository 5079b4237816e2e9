/** Where the lines of an agent go: into its files, and to stderr where a person or `berth start` is watching, or where the files cannot take them. */
import type { LogConfig } from '../../agent/config.ts';
import { openLogFile } from '../../agent/log-file.ts';
import { createLogger, humanLine, type Logger } from '../logging.ts';
import { systemClock } from '../system.ts';
import { isSupervised } from './lifetime.ts';
import { complain, logLevel } from './output.ts';

export interface AgentLog {
  readonly logger: Logger;
  /** Resolves when everything is written. */
  close(): Promise<void>;
}

/** `flag` is a level that wins over the one of the configuration. */
export async function openAgentLog(settings: LogConfig, flag: string | undefined): Promise<AgentLog> {
  const level = logLevel(flag ?? (settings.level === 'warning' ? 'warn' : settings.level));
  const isTerminal = process.stderr.isTTY === true;
  const file = settings.directory === '-' ? undefined : await openLogFile(settings, systemClock, complain);
  const isWatched = isTerminal || isSupervised();
  const write = (line: string): void => {
    const isKept = file?.write(line) === true;
    if (isWatched || !isKept) process.stderr.write(isTerminal ? humanLine(line) : line);
  };
  const logger = createLogger({ program: 'agent', level, human: false, write });
  return { logger, close: async () => file?.close() };
}
