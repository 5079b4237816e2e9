import t from 'tap';
import { createLogger, type LogLevel } from '../../adapters/logging.ts';

function collect(human: boolean, level: LogLevel = 'info') {
  const lines: string[] = [];
  return { lines, logger: createLogger({ program: 'broker', level, human, write: (line) => lines.push(line) }) };
}

t.test('machines get one JSON object a line', async (t) => {
  const { lines, logger } = collect(false);
  logger.warn({ facts: 120 }, 'The read database was rebuilt.');
  t.equal(lines.length, 1);
  const line = JSON.parse(String(lines[0]));
  t.match(line, { level: 'warn', program: 'broker', facts: 120, msg: 'The read database was rebuilt.' });
  t.ok(Math.abs(Date.parse(line.time) - Date.now()) < 60_000);
  t.ok(lines[0]?.endsWith('}\n'));
});

t.test('people get a short line', async (t) => {
  const { lines, logger } = collect(true);
  logger.error({ facts: 120, file: '/tmp/x', tags: ['a'] }, 'The read database was rebuilt.');
  t.match(lines[0], /^\d\d:\d\d:\d\d broker error: The read database was rebuilt\. facts=120 file=\/tmp\/x tags=\["a"\]\n$/);
});

t.test('what is below the level is not written', async (t) => {
  const { lines, logger } = collect(false, 'warn');
  logger.debug({}, 'a');
  logger.info({}, 'b');
  logger.warn({}, 'c');
  t.equal(lines.length, 1);
  const silent = collect(false, 'silent');
  silent.logger.error({}, 'd');
  t.same(silent.lines, []);
});

t.test('secrets do not reach the log', async (t) => {
  for (const human of [true, false]) {
    const { lines, logger } = collect(human);
    logger.info({ clientPassword: 'hunter2', headers: { authorization: 'Bearer hunter2' }, token: 'hunter2' }, 'A client came.');
    t.notMatch(lines.join(''), 'hunter2');
    t.match(lines.join(''), '[secret]');
  }
});
