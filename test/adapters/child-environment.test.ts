/** What processes are told that a broker or an agent starts. */
import t from 'tap';
import { agentEnvironment, childEnvironment } from '../../adapters/child-environment.ts';

const GIVEN = {
  PATH: '/bin',
  NODE_OPTIONS: '--no-warnings',
  BERTH_EVENT_LOG: 'esdb://admin:secret@log',
  BERTH_AGENT_TO_BROKER_CONNECTOR_KEY_STORE_PASS: 'secret',
  BERTH_AGENT_LOG_LEVEL: 'debug',
  DCV_SM_CLIENT_PASSWORD: 'secret',
  UNBERTHED: 'x',
};

t.test('what was meant for a broker, an agent or the command line is not handed on', async (t) => {
  t.strictSame(childEnvironment(GIVEN), { PATH: '/bin', NODE_OPTIONS: '--no-warnings', UNBERTHED: 'x' });
});

t.test('an agent is told what is for agents', async (t) => {
  t.strictSame(agentEnvironment(GIVEN), { PATH: '/bin', NODE_OPTIONS: '--no-warnings', BERTH_AGENT_LOG_LEVEL: 'debug', UNBERTHED: 'x' });
});
