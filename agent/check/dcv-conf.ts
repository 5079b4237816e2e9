/** `dcv.conf`, as far as the agent depends on it: sections, keys, and values as texts or lists of texts. */

/** The value of a key as it stands there; undefined where it does not. */
export type DcvConf = (section: string, key: string) => string | undefined;

/** The last of two values counts. Lines that are neither a section nor a value are passed over. */
export function parseDcvConf(text: string): DcvConf {
  const values = new Map<string, string>();
  let section = '';
  for (const line of text.split(/\r?\n/).map((each) => each.trim())) {
    const [, heading] = /^\[([^\]]+)\]$/.exec(line) ?? [];
    const [, key, value] = /^([\w-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (heading !== undefined) section = heading.trim();
    else if (key !== undefined && value !== undefined) values.set(`${section}/${key}`, value);
  }
  return (wanted, key) => values.get(`${wanted}/${key}`);
}

/** `"a"` or `'a'`; whoever left the quotes out meant the same. */
export const textOf = (value: string): string => /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;

/** `["a", 'b']`. */
export const textsOf = (value: string): readonly string[] =>
  [...value.matchAll(/"([^"]*)"|'([^']*)'/g)].map(([, one, other]) => one ?? other ?? '');
