/** Connection strings: what is wrong with one is said in a sentence, in which no password stands. */
import t from 'tap';
import { openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { serverAt } from '../../../adapters/eventstoredb/server.ts';
import { startEventStore } from '../../helpers/event-store.ts';

t.test('what is no connection string is refused', async (t) => {
  const wrong = {
    'http://host:2113': 'The address of the event log must begin with esdb:// or esdb+discover://.',
    'esdb://ann:secret@host:port': 'The address of the event log is not right: it lacks port number.',
    'esdb://ann:secret@host?tls=perhaps': 'The address of the event log is not right: it lacks true or false.',
    'esdb://ann:secret@host?tsl=false': 'The address of the event log is not right: Unknown option key "tsl", setting will be ignored.',
    'esdb://ann:secret@host?tlsCAFile=/no/such/file':
      'The address of the event log is not right: Failed to load certificate file. File was not found.',
  };
  for (const [address, message] of Object.entries(wrong)) {
    t.throws(() => serverAt(address), { name: 'LogFault', message }, address);
    await t.rejects(openEventStoreLog(address), { name: 'LogFault', message });
  }
});

t.test('an address is shown without what is secret in it', async (t) => {
  const shown = {
    'esdb://ann:secret@host:2113?tls=false': 'esdb://host:2113',
    ' kurrentdb://host/?tls=false ': 'esdb://host',
    'esdb+discover://ann:se%40cret@a:2113,b:2113/': 'esdb+discover://a:2113,b:2113',
  };
  for (const [address, expected] of Object.entries(shown)) t.equal(serverAt(address).address, expected);
});

t.test('what is set in an address does not undo what Berth needs, and nothing is said on the console', async (t) => {
  const { url, prefix } = await startEventStore(t);
  const said = t.capture(console, 'warn');
  const log = await openEventStoreLog(`${url}&keepAliveInterval=-1&throwOnAppendFailure=false&connectionName=mine`, {
    streamPrefix: prefix,
  });
  t.teardown(() => log.close());
  t.same(said(), []);
  t.equal(typeof (await log.head()), 'number');
});
