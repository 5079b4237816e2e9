/** `berth config`: what a configuration file says, whether it can be used, and what holds in the end. */
import { brokerConfig } from '../config.ts';
import { type Gathered, gatherSettings } from '../settings/gather.ts';
import { SETTINGS, type SettingName, type Settings, settingOf, shown } from '../settings/names.ts';
import type { ConfigError } from '../settings/setting.ts';
import { tryKeyFiles } from '../tls/doors.ts';
import { type BrokerFlags, configFrom, gatheredFrom, type OutputFlags } from './flags.ts';
import { createRecords, type Records } from './records.ts';

/** Resolves with the exit code: 1 where the file keeps a broker from starting. The environment is left out, so that the answer is the same everywhere. */
export async function runConfigCheck(file: string, flags: OutputFlags): Promise<number> {
  const gathered = await gatherSettings({ file, environment: {}, flags: {} });
  const problems = await problemsOf(gathered);
  const records = createRecords(flags);
  for (const problem of problems) await records.write({ level: 'error', message: problem }, () => problem);
  for (const warning of gathered.warnings) await records.write({ level: 'warning', message: warning }, () => `Note: ${warning}`);
  for (const [instead, names] of Object.entries(gathered.vain)) {
    const message = `Without effect: ${names.join(', ')}. ${instead}`;
    await records.write({ level: 'note', message, names }, () => `Note: ${message}`);
  }
  await records.say(problems.length === 0 ? `${file} is in order.` : `${file} cannot be used.`);
  return problems.length === 0 ? 0 : 1;
}

async function problemsOf({ settings, problems }: Gathered): Promise<readonly string[]> {
  try {
    await tryKeyFiles(brokerConfig(settings, process.cwd(), problems), Date.now());
    return [];
  } catch (error) {
    return (error as ConfigError).message.split('\n');
  }
}

/** Resolves with the exit code. Throws ConfigError where a broker would not start with this. */
export async function runConfigShow({ json, ...flags }: BrokerFlags & OutputFlags): Promise<number> {
  const gathered = await gatheredFrom(flags);
  configFrom(gathered);
  const records = createRecords({ ...(json !== undefined && { json }) });
  for (const name of [...SETTINGS].sort()) await showSetting(records, gathered.settings, name);
  return 0;
}

const NAME_WIDTH = Math.max(...SETTINGS.map(({ length }) => length));

function showSetting(records: Records, settings: Settings, name: SettingName): Promise<void> {
  const { value, from, at } = inEffect(settings, name);
  const setting = { name, value: shown(name, value.trim()), source: at ?? from };
  return records.write(setting, () => `${name.padEnd(NAME_WIDTH)}  ${setting.value.padEnd(24)}  ${setting.source}`.trimEnd());
}

/** The older setting in hours decides about the one in seconds. */
function inEffect(settings: Settings, name: SettingName) {
  const setting = settingOf(settings, name);
  if (name !== 'delete-session-duration-seconds' || setting.value !== '') return setting;
  const hours = settingOf(settings, 'delete-session-duration-hours');
  return { ...hours, value: String(Number(hours.value) * 3600) };
}
