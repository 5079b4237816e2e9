/**
 * What a command lists, record by record: lines for people on a terminal, JSON lines (one object a line) where another program reads them.
 * `--json` and `--no-json` choose by hand.
 */
import type { Writable } from 'node:stream';
import type { OutputFlags } from './flags.ts';

export interface Records {
  /** Whether programs read this. */
  readonly json: boolean;
  /** One record; `human` is asked for its line only if people read this. Resolves when it is on its way, so that no more than one waits in memory. */
  write(record: object, human: () => string): Promise<void>;
  /** A line that only people get, such as a heading. */
  say(line: string): Promise<void>;
  /** Text that everyone gets as it is, its line ends included. */
  text(text: string): Promise<void>;
}

/** Whoever read the output has stopped, as `head` does: nothing more to do, and nothing wrong. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

export function createRecords(flags: OutputFlags, output: Writable & { readonly isTTY?: boolean } = process.stdout): Records {
  const json = flags.json ?? output.isTTY !== true;
  // A closed pipe is told to each write; unheard here, it would end the process.
  output.on('error', () => undefined);
  const line = (text: string) => writeText(output, `${text}\n`);
  return {
    json,
    write: (record, human) => line(json ? JSON.stringify(record) : human()),
    say: (text) => (json ? Promise.resolve() : line(text)),
    text: (text) => writeText(output, text),
  };
}

function writeText(output: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(text, (error) => {
      if (!error) resolve();
      else reject((error as NodeJS.ErrnoException).code === 'EPIPE' ? new OutputClosed('Nobody reads the output any more.') : error);
    });
  });
}
