/** What is answered when something goes wrong, and to those who only ask whether the broker is well. */
import t from 'tap';
import { PasswordsBusyError } from '../../../adapters/passwords.ts';
import { LogBusyError, LogFault } from '../../../domain/ports/event-log.ts';
import { createTestApi } from '../../helpers/client-api.ts';

const throwing = (error: Error) => ({ describeSessions: () => Promise.reject(error) });

t.test('an unknown path is answered with 404, and another method with 405 and those there are', async (t) => {
  const { send } = await createTestApi(t);
  for (const [method, path, status, allow] of [
    ['GET', '/', 404, null],
    ['POST', '/describeSession', 404, null],
    ['POST', '/describeSessions/', 404, null],
    ['POST', '/DESCRIBESESSIONS', 404, null],
    ['GET', '/sessionConnectionData/x', 404, null],
    ['GET', '/describeSessions', 405, 'POST'],
    ['DELETE', '/sessionPermissions', 405, 'PUT'],
    ['OPTIONS', '/createSessions', 405, 'POST'],
    ['POST', '/sessionConnectionData/x/y', 405, 'GET, HEAD'],
    ['PUT', '/sessions/x/history', 405, 'GET, HEAD'],
    ['GET', '/oauth2/token', 405, 'POST'],
    ['POST', '/health', 405, 'GET, HEAD'],
  ] as const) {
    const answer = await send(path, { method });
    t.strictSame([answer.status, answer.headers.get('allow')], [status, allow], `${method} ${path}`);
    t.type(answer.body['error'], 'string');
  }
});

t.test('the health of the broker can be asked without a token', async (t) => {
  let isHealthy = true;
  const { send } = await createTestApi(t, { isHealthy: () => isHealthy });
  t.match(await send('/health'), { status: 200, body: { status: 'ok' } });
  t.equal((await send('/health', { method: 'HEAD' })).status, 200);
  isHealthy = false;
  t.match(await send('/health'), { status: 503, body: { status: 'unavailable' } });
});

t.test('a busy broker says when to come back', async (t) => {
  for (const error of [new LogBusyError('full'), new PasswordsBusyError('full')]) {
    const { call, logged } = await createTestApi(t, { broken: throwing(error) });
    const answer = await call('POST', '/describeSessions');
    t.equal(answer.status, 503);
    t.equal(answer.headers.get('retry-after'), '1');
    t.match(answer.body, { error: 'The broker is busy; try again shortly.' });
    t.strictSame(logged, []);
  }
});

t.test('a fault is logged once with the id that its caller is given, who learns nothing else', async (t) => {
  const fault = new Error('secret insides');
  const { call, logged } = await createTestApi(t, { broken: throwing(fault) });
  const { status, body } = await call('POST', '/describeSessions');
  t.equal(status, 500);
  t.strictSame(body, { error: 'Internal error', RequestId: body['RequestId'] });
  t.strictSame(logged, [{ err: fault, requestId: body['RequestId'], message: 'A request failed' }]);
});

t.test('a log that cannot be reached is told apart from a fault of ours', async (t) => {
  const fault = new LogFault('esdb://10.0.0.7 is gone');
  const { call, logged } = await createTestApi(t, { broken: throwing(fault) });
  const { status, headers, body } = await call('POST', '/describeSessions');
  t.equal(status, 503);
  t.equal(headers.get('retry-after'), '1');
  t.match(body, { error: 'The broker cannot reach its log; what was asked for may have been done or not.' });
  t.strictSame(logged, [{ err: fault, requestId: body['RequestId'], message: 'A request failed' }]);
});

t.test('a fault outside the operations is answered in the same way', async (t) => {
  const fault = new Error('secret insides');
  const { send, logged } = await createTestApi(t, {
    isHealthy: () => {
      throw fault;
    },
  });
  const { status, body } = await send('/health');
  t.equal(status, 500);
  t.match(logged, [{ err: fault, requestId: body['RequestId'] }]);
});

t.test('a batch that is answered in part is a fault, not a guess', async (t) => {
  const { call, logged } = await createTestApi(t, { broken: { openServers: async () => [] } });
  t.equal((await call('POST', '/openServers', [{ ServerId: 'x' }])).status, 500);
  t.equal(logged.length, 1);
});

t.test('no answer is kept by caches or taken for another type', async (t) => {
  const { call } = await createTestApi(t);
  const { headers } = await call('POST', '/describeSessions');
  t.equal(headers.get('content-type'), 'application/json');
  t.equal(headers.get('cache-control'), 'no-store');
  t.equal(headers.get('x-content-type-options'), 'nosniff');
});
