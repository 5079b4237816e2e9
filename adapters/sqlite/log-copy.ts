/** A copy of a log as it stands at one moment, made by SQLite itself while a broker goes on writing. */
import { LogFault } from '../../domain/ports/event-log.ts';
import { openConnection } from './connection.ts';
import { expectSchema } from './log-schema.ts';

export interface LogCopy {
  readonly facts: number;
  /** Of the last fact. */
  readonly position: number;
}

/** `target` must not be there. SQLite writes it anew, fact by fact, so damage does not go unnoticed. Throws LogFault with a sentence for the operator. */
export async function copyLog(file: string, target: string): Promise<LogCopy> {
  try {
    const log = await openConnection(file, { readonly: 'but for copies' });
    try {
      await expectSchema(log, file);
      await log.all('VACUUM INTO ?', [target]);
    } finally {
      await log.close();
    }
    return await look(target);
  } catch (cause) {
    throw cause instanceof LogFault ? cause : new LogFault(`The event log ${file} cannot be copied: ${cause}`, { cause });
  }
}

async function look(file: string): Promise<LogCopy> {
  const copy = await openConnection(file, { readonly: true });
  try {
    const [row] = await copy.all<LogCopy>('SELECT count(*) AS facts, coalesce(max(position), 0) AS position FROM facts');
    return row as LogCopy;
  } finally {
    await copy.close();
  }
}
