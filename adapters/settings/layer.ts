/** What one source of settings says: a file, the environment, the command line. */
import { nearest } from '../suggest.ts';
import { ALIASES, DEFAULTS, SETTINGS, type SettingName, type Settings } from './names.ts';
import { NO_EFFECT } from './no-effect.ts';
import type { Setting } from './setting.ts';

export interface Layer {
  readonly settings: Settings;
  /** Names of the original that have no effect here, and their values. */
  readonly vain: ReadonlyMap<string, string>;
  /** Sentences that name the place: what keeps the broker from starting, and what does not. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** A name with its value, as it was found. */
export interface Said extends Setting {
  readonly name: string;
}

/** Every name that may stand in a file. */
export const ALL_NAMES: readonly string[] = [...SETTINGS, ...Object.keys(NO_EFFECT)];

/** Tells known names from others. The later of two counts; an empty value is as none. `spelling` gives a known name as it is written in this source. */
export function sortedOut(said: readonly Said[], spelling: (name: string) => string): Layer {
  const settings: Partial<Record<SettingName, Setting>> = {};
  const vain = new Map<string, string>();
  const problems: string[] = [];
  for (const { name, ...setting } of said) {
    const known = ALIASES[name] ?? name;
    const isEmpty = setting.value.trim() === '';
    if (Object.hasOwn(NO_EFFECT, known)) {
      vain.delete(known);
      if (!isEmpty) vain.set(known, setting.value);
    } else if (isSettingName(known)) {
      delete settings[known];
      if (!isEmpty) settings[known] = setting;
    } else problems.push(`${setting.from} is not a setting${meant(name, spelling)}`);
  }
  return { settings, vain, problems, warnings: [] };
}

const isSettingName = (name: string): name is SettingName => Object.hasOwn(DEFAULTS, name);

/** How a sentence about a name that nobody knows ends. */
export function meant(name: string, spelling: (name: string) => string): string {
  const found = nearest(name, ALL_NAMES);
  return found === undefined ? '.' : `; did you mean ${spelling(found)}?`;
}
