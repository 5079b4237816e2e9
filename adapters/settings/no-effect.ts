/** Settings of the original's insides: accepted, so that its file does, and without effect here. Each with what Berth does instead. */

interface NoEffect {
  /** What the original does when nobody says otherwise; to say the same again is nothing to report. */
  readonly usual: string;
  readonly instead: string;
}

const JAVA = 'Berth runs on Node.js and needs no Java.';
const WORKING_PATH = 'Everything is kept in the data folder (berth.data-dir).';
const BROKERS = 'Brokers find each other through the log that they share (berth.event-log) and talk over the port for agents.';
const MEMORY = 'There is no memory outside the process to set a size for.';
const STORES = 'Everything is kept in the event log (berth.event-log), always.';
const METRICS = 'No metrics are sent to CloudWatch; use /metrics (docs/observability.md).';
const COMMANDS = 'Commands read the data folder or the log; there is no port for them.';

const none = (instead: string): NoEffect => ({ usual: '', instead });

export const NO_EFFECT: Readonly<Record<string, NoEffect>> = {
  'broker-java-home': none(JAVA),
  'session-manager-working-path': { usual: '/tmp', instead: WORKING_PATH },
  'broker-to-broker-port': { usual: '47100', instead: BROKERS },
  'broker-to-broker-bind-host': { usual: '0.0.0.0', instead: BROKERS },
  'broker-to-broker-discovery-port': { usual: '47500', instead: BROKERS },
  'broker-to-broker-discovery-addresses': none(BROKERS),
  'broker-to-broker-discovery-multicast-group': none(BROKERS),
  'broker-to-broker-discovery-multicast-port': none(BROKERS),
  'broker-to-broker-discovery-aws-region': none(BROKERS),
  'broker-to-broker-discovery-aws-alb-target-group-arn': none(BROKERS),
  'broker-to-broker-distributed-memory-max-size-mb': { usual: '4096', instead: MEMORY },
  'broker-to-broker-key-store-file': none(BROKERS),
  'broker-to-broker-key-store-pass': none(BROKERS),
  'broker-to-broker-connection-login': { usual: 'dcvsm-user', instead: BROKERS },
  'broker-to-broker-connection-pass': { usual: 'dcvsm-pass', instead: BROKERS },
  'enable-cloud-watch-metrics': { usual: 'false', instead: METRICS },
  'cloud-watch-region': none(METRICS),
  'metrics-fleet-name-dimension': { usual: 'default', instead: METRICS },
  'enable-persistence': { usual: 'false', instead: STORES },
  'persistence-db': none(STORES),
  'dynamodb-region': none(STORES),
  'dynamodb-table-rcu': none(STORES),
  'dynamodb-table-wcu': none(STORES),
  'dynamodb-table-name-prefix': none(STORES),
  'jdbc-connection-url': none(STORES),
  'jdbc-user': none(STORES),
  'jdbc-password': none(STORES),
  'cli-to-broker-port': { usual: '47200', instead: COMMANDS },
};

/** What is set in vain, under what Berth does instead. Values are left out: some are secrets. */
export function setInVain(given: ReadonlyMap<string, string>): Readonly<Record<string, readonly string[]>> {
  const vain = [...given].filter(([name, value]) => value.trim().toLowerCase() !== NO_EFFECT[name]?.usual);
  return Object.fromEntries(
    [...new Set(vain.map(([name]) => String(NO_EFFECT[name]?.instead)))].map((instead) => [
      instead,
      vain.filter(([name]) => NO_EFFECT[name]?.instead === instead).map(([name]) => name),
    ]),
  );
}
