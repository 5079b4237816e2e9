/** What a check of a host found, as lines for people. */
import type { Finding, Mark } from '../../agent/check/finding.ts';

const COLOURS: Readonly<Record<Mark, string>> = { ok: '\u001b[32m', warn: '\u001b[33m', fail: '\u001b[31m' };
const PLAIN = '\u001b[0m';
const [MARK_WIDTH, CHECK_WIDTH] = [6, 22];

/** What to do stands in a line of its own. */
export function lineOf({ mark, check, message, mend }: Finding, isColoured: boolean): string {
  const padded = mark.padEnd(MARK_WIDTH);
  const shown = isColoured ? `${COLOURS[mark]}${padded}${PLAIN}` : padded;
  const line = `${shown}${check.padEnd(CHECK_WIDTH)}${message}`;
  return mend === undefined ? line : `${line}\n${' '.repeat(MARK_WIDTH + CHECK_WIDTH)}-> ${mend}`;
}

export function summaryOf({ warn, fail }: Readonly<Record<Mark, number>>): string {
  const remarks = warn === 0 ? '' : ` ${warn === 1 ? 'One line is' : `${warn} lines are`} worth a look (warn).`;
  if (fail === 0) return `\nNothing is wrong.${remarks}`;
  const what =
    fail === 1 ? 'One thing is wrong (fail)' : `${fail} things are wrong (fail); begin with the first, for it may explain the others`;
  return `\n${what}.${remarks}`;
}
