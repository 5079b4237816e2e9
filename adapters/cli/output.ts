/** How the commands speak: results on stdout, everything else on stderr. */

import { createLogger, LOG_LEVELS, type Logger, type LogLevel } from '../logging.ts';
import { ConfigError } from '../settings/setting.ts';

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A logger on stderr: short lines on a terminal, JSON elsewhere. */
export function stderrLogger(program: string, level: string): Logger {
  const human = process.stderr.isTTY === true;
  return createLogger({ program, level: logLevel(level), human, write: (line) => process.stderr.write(line) });
}

export function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((name) => name === text);
  if (level !== undefined) return level;
  throw new ConfigError(`--log-level must be one of ${LOG_LEVELS.join(', ')}, not "${text}".`);
}
