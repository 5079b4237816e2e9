/** Keys of `agent.conf` in environment variables: `BERTH_AGENT_BROKER_HOST`, `BERTH_AGENT_LOG_LEVEL`. They win over the file. */
import { parse } from 'smol-toml';
import type { z } from 'zod';
import { nearest } from '../adapters/suggest.ts';
import type { Path } from './toml-lines.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Override {
  readonly variable: string;
  /** Of the key that it stands for. */
  readonly path: Path;
  readonly value: unknown;
}

/** The keys of a section and what its variables begin with. */
export interface Section {
  readonly path: Path;
  readonly prefix: string;
  readonly shape: Readonly<Record<string, z.ZodType>>;
}

const PREFIX = 'BERTH_AGENT_';
/** A setting of the broker, which may be given the same environment, and what Kubernetes tells of a service called `berth-agent`. */
const OTHERS = /^BERTH_AGENT_TO_BROKER_|_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT_\d+_\w+$|^BERTH_AGENT_PORT$/;

/** An empty variable is as none. `unknown`: sentences about those that look like ours and are no key. */
export function overridesFrom(
  environment: Environment,
  sections: readonly Section[],
): { readonly overrides: readonly Override[]; readonly unknown: readonly string[] } {
  const keys = new Map(sections.flatMap(variablesOf));
  const ours = Object.entries(environment).filter(([variable, value]) => variable.startsWith(PREFIX) && value !== '');
  const overrides = ours.flatMap(([variable, text = '']) => {
    const key = keys.get(variable);
    return key === undefined ? [] : [{ variable, path: key.path, value: textOrValue(text, key.schema) }];
  });
  const strange = ours.map(([variable]) => variable).filter((variable) => !keys.has(variable) && !OTHERS.test(variable));
  return { overrides, unknown: strange.map((variable) => unknownVariable(variable, [...keys.keys()])) };
}

function variablesOf({
  path,
  prefix,
  shape,
}: Section): readonly (readonly [string, { readonly path: Path; readonly schema: z.ZodType }])[] {
  return Object.entries(shape).map(([key, schema]) => [
    `${PREFIX}${prefix}${key.replaceAll('-', '_').toUpperCase()}`,
    { path: [...path, key], schema },
  ]);
}

/** Text where the key takes text; else what it would be in the file: a number, true, false, an array. */
function textOrValue(text: string, schema: z.ZodType): unknown {
  if (schema.safeParse(text).success) return text;
  try {
    return parse(`value = ${text}`)['value'];
  } catch {
    return text;
  }
}

function unknownVariable(variable: string, known: readonly string[]): string {
  const meant = nearest(variable, known);
  return `The environment variable ${variable} is no key of agent.conf${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}
