/** Reading many settings, so that whoever made several mistakes hears of all of them at once. */
import { type SettingName, type Settings, settingOf } from './names.ts';
import { ConfigError, type Setting } from './setting.ts';

export interface Reading {
  /** What `reader` makes of a setting. Where it cannot be read, the result is no good, and `end` throws. */
  as<T>(name: SettingName, reader: (setting: Setting) => T): T;
  problem(sentence: string): void;
  /** Throws ConfigError with a line for each problem, if there is one. */
  end(): void;
}

/** `told`: problems that were found before. */
export function createReading(settings: Settings, told: readonly string[]): Reading {
  const problems = [...told];
  return {
    as<T>(name: SettingName, reader: (setting: Setting) => T): T {
      try {
        return reader(settingOf(settings, name));
      } catch (error) {
        problems.push((error as ConfigError).message);
        // Nobody gets to see it, because reading ends with a throw.
        return undefined as T;
      }
    },
    problem: (sentence) => void problems.push(sentence),
    end() {
      if (problems.length > 0) throw new ConfigError(problems.join('\n'));
    },
  };
}
