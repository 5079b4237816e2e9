/** A strict reader of the text format of Prometheus: throws at a line that is not of the format, or is of a metric without a type or help. */
export type Samples = ReadonlyMap<string, number>;

const SAMPLE = /^([a-z_]+)(?:\{((?:[a-z_]+="[^"\\\n]*",?)*)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf|NaN)$/;

/** By name with labels, as they stand in the text. */
export function readExposition(text: string): Samples {
  if (!text.endsWith('\n')) throw new Error('The last line does not end.');
  const said = new Set<string>();
  const samples = new Map<string, number>();
  for (const line of text.split('\n').filter((each) => each !== '')) {
    if (line.startsWith('#')) readComment(line, said);
    else readSample(line, said, samples);
  }
  return samples;
}

function readComment(line: string, said: Set<string>): void {
  const [, about] = /^# ((?:HELP|TYPE) [a-z_]+) .+$/.exec(line) ?? [];
  if (about === undefined || said.has(about)) throw new Error(`Not of the format, or said twice: ${line}`);
  said.add(about);
}

function readSample(line: string, said: ReadonlySet<string>, samples: Map<string, number>): void {
  const [, name = '', labels, value] = SAMPLE.exec(line) ?? [];
  if (value === undefined) throw new Error(`Not of the format: ${line}`);
  const family = said.has(`TYPE ${name}`) ? name : name.replace(/_(?:bucket|sum|count)$/, '');
  if (!said.has(`TYPE ${family}`) || !said.has(`HELP ${family}`)) throw new Error(`Without a type or help: ${line}`);
  const key = labels === undefined ? name : `${name}{${labels}}`;
  if (samples.has(key)) throw new Error(`Twice: ${line}`);
  samples.set(key, Number(value.replace('+Inf', 'Infinity')));
}
