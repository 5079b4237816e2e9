import { join } from 'node:path';
import t from 'tap';
import { brokerConfig, ConfigError } from '../../adapters/config.ts';
import { readSettings } from '../../adapters/config-file.ts';

const FILE = 'session-manager-broker.properties';

const folderWith = (t: import('tap').Test, text: string) => join(t.testdir({ [FILE]: text }), FILE);

t.test('a configuration file is read under the names of the original', async (t) => {
  const file = folderWith(
    t,
    `# How long to wait
     session-screenshot-format = jpeg
     session-screenshot-max-width: 800
     seconds-before-deleting-sessions-unreachable-server=900
     berth.placement-policy = \\
       pack
     create-sessions-queue-max-size =
    `,
  );
  t.match(brokerConfig(await readSettings(file), '/srv'), {
    screenshotFormat: 'jpeg',
    screenshotMaxWidth: 800,
    unreachableSessionsMs: 900_000,
    placementPolicy: 'pack',
    queueMaxSize: 1000,
  });
});

t.test('a mistake in a configuration file is named with the file and the setting', async (t) => {
  const misspelt = folderWith(t, 'session-screenshot-max-widht = 800');
  await t.rejects(readSettings(misspelt), {
    message: `${misspelt}: "session-screenshot-max-widht" is not a setting of this version of Berth; did you mean "session-screenshot-max-width"?`,
  });
  const unknown = folderWith(t, 'jdbc-user = root');
  await t.rejects(readSettings(unknown), { message: `${unknown}: "jdbc-user" is not a setting of this version of Berth.` });
  const wrong = folderWith(t, 'session-screenshot-max-width = wide');
  const settings = await readSettings(wrong);
  t.throws(() => brokerConfig(settings, '/srv'), {
    message: `${wrong}: session-screenshot-max-width must be a whole number from 1 to 8192, not "wide".`,
  });
  await t.rejects(readSettings(join(t.testdir(), 'none')), ConfigError);
});
