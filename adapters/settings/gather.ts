/** All that a broker is told, from the sources in their order: flags win over environment variables, those over the file, the file over the defaults. */
import { settingsFromEnvironment } from './environment.ts';
import { readSettingsFile } from './file.ts';
import type { Layer } from './layer.ts';
import { BIND_HOSTS, type Settings } from './names.ts';
import { setInVain } from './no-effect.ts';

export interface Sources {
  /** The path of a `session-manager-broker.properties`; undefined: there is none. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags: Settings;
}

export interface Gathered {
  readonly settings: Settings;
  /** Names of the original that are set and have no effect, under what Berth does instead. */
  readonly vain: Readonly<Record<string, readonly string[]>>;
  /** Sentences about what keeps the broker from starting, and about what does not. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const NOTHING: Layer = { settings: {}, vain: new Map(), problems: [], warnings: [] };

/** Throws ConfigError for a file that cannot be read. */
export async function gatherSettings({ file, environment, flags }: Sources): Promise<Gathered> {
  const layers = [
    { ...NOTHING, settings: openTelemetry(environment) },
    file === undefined ? NOTHING : asInTheOriginal(await readSettingsFile(file)),
    settingsFromEnvironment(environment),
    { ...NOTHING, settings: flags },
  ];
  return {
    settings: layers.reduce((below, { settings }) => ({ ...beneath(below, settings), ...settings }), {} as Settings),
    vain: setInVain(new Map(layers.flatMap(({ vain }) => [...vain]))),
    problems: layers.flatMap(({ problems }) => problems),
    warnings: layers.flatMap(({ warnings }) => warnings),
  };
}

/** What OpenTelemetry tells all programs on this machine counts where nobody has said anything to Berth. */
function openTelemetry(environment: Sources['environment']): Settings {
  const [name, value] = ['OTEL_EXPORTER_OTLP_ENDPOINT', environment['OTEL_EXPORTER_OTLP_ENDPOINT']];
  if (!value || environment['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return {};
  return { 'berth.otlp-endpoint': { value, from: name } };
}

/** Whoever brings a file runs a service, which listens where the original does; without one, Berth is being tried out, and stays on this machine. */
function asInTheOriginal({ settings, ...layer }: Layer): Layer {
  return {
    ...layer,
    settings: { 'berth.bind-host': { value: '0.0.0.0', from: 'berth.bind-host', at: 'default with a file' }, ...settings },
  };
}

/** What is left of the settings below: one host for all doors replaces what was said of each. */
function beneath(below: Settings, above: Settings): Settings {
  const hidden: readonly string[] = above['berth.bind-host'] === undefined ? [] : BIND_HOSTS;
  return Object.fromEntries(Object.entries(below).filter(([name]) => !hidden.includes(name)));
}
