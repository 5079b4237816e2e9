/** Log lines: JSON for machines, short lines where a person is watching. Diagnostics only; what happened to sessions is in the log of facts. */
import { pino } from 'pino';
import { harmless } from './harmless.ts';

/** Where a part of the program says what it does. `fields` first, as data; the message is a sentence without them. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOutput {
  /** Which program speaks: `broker`, `agent`. */
  readonly program: string;
  readonly level: LogLevel;
  /** Lines for people instead of JSON. */
  readonly human: boolean;
  write(line: string): void;
}

/** Fields that never reach a log line, at the top or one level down. */
const SECRETS = ['authorization', 'clientPassword', 'clientSecret', 'connectionToken', 'password', 'privateKey', 'secret', 'token'];

export function createLogger({ program, level, human, write }: LogOutput): Logger {
  return pino(
    {
      level,
      base: { program },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    },
    { write: human ? (line) => write(humanLine(line)) : write },
  );
}

/** `09:30:15 broker warn: The read database was rebuilt. facts=120` */
export function humanLine(line: string): string {
  const { time, level, program, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const details = Object.entries(fields).map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${harmless(`${String(time).slice(11, 19)} ${program} ${level}: ${msg}${details.join('')}`)}\n`;
}
