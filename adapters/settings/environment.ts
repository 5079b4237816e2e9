/** Settings from environment variables: `berth.data-dir` is `BERTH_DATA_DIR`, `enable-gateway` is `BERTH_ENABLE_GATEWAY`. */
import { ALL_NAMES, type Layer, meant, type Said, sortedOut } from './layer.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'BERTH_';
/** What Kubernetes and Docker put into the environment of a program for a service called `berth`. */
const FOR_A_SERVICE = /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT|PORT_\d+_\w+)$/;
/** What an agent on the same host is told by. */
const FOR_AN_AGENT = /^BERTH_AGENT_(?!TO_)/;

const variableOf = (name: string): string =>
  `${PREFIX}${name
    .replace(/^berth\./, '')
    .toUpperCase()
    .replaceAll(/[-.]/g, '_')}`;

const NAMES: ReadonlyMap<string, string> = new Map(ALL_NAMES.map((name) => [variableOf(name), name]));

/** Variables that begin with `BERTH_` and are no setting may be other programs', so they are warned about and no more. */
export function settingsFromEnvironment(environment: Environment): Layer {
  const ours = Object.entries(environment).filter(([variable]) => variable.startsWith(PREFIX));
  const known = ours.flatMap(([variable, value = '']): Said[] => {
    const name = NAMES.get(variable);
    return name === undefined ? [] : [{ name, value, from: variable }];
  });
  const isOthers = (variable: string): boolean => FOR_A_SERVICE.test(variable) || FOR_AN_AGENT.test(variable);
  const unknown = ours.map(([variable]) => variable).filter((variable) => !NAMES.has(variable) && !isOthers(variable));
  const warnings = unknown.map((variable) => `The environment variable ${variable} is no setting${meant(nameOf(variable), variableOf)}`);
  return { ...sortedOut(known, variableOf), warnings };
}

/** What is compared with the names of settings, to find the one that was meant. */
const nameOf = (variable: string): string => variable.slice(PREFIX.length).toLowerCase().replaceAll('_', '-');
