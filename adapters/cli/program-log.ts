/** Where the lines of a broker or an agent go: into its files, and to stderr where a person or `berth start` is watching, or where the files cannot take them. */
import { type LogFileSettings, openLogFile } from '../log-file.ts';
import { createLogger, humanLine, type Logger, type LogLevel } from '../logging.ts';
import { systemClock } from '../system.ts';
import { isSupervised } from './lifetime.ts';
import { complain } from './output.ts';

export interface ProgramLog {
  readonly logger: Logger;
  /** Resolves when everything is written. */
  close(): Promise<void>;
}

/** `files` undefined: there are none, and everything goes to stderr. */
export async function openProgramLog(
  program: LogFileSettings['program'],
  level: LogLevel,
  files: Omit<LogFileSettings, 'program'> | undefined,
): Promise<ProgramLog> {
  const isTerminal = process.stderr.isTTY === true;
  const file = files && (await openLogFile({ ...files, program }, systemClock, complain));
  const isWatched = isTerminal || isSupervised();
  const write = (line: string): void => {
    const isKept = file?.write(line) === true;
    if (isWatched || !isKept) process.stderr.write(isTerminal ? humanLine(line) : line);
  };
  const logger = createLogger({ program, level, human: false, write });
  return { logger, close: async () => file?.close() };
}
