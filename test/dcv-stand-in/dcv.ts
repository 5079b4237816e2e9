/**
 * A stand-in for the program `dcv`: `dcv.js FOLDER COMMAND [FLAGS]` keeps sessions in that folder and answers with the shapes and errors that are
 * documented of DCV servers. It can be told to be slow, to hang, to die and to talk nonsense.
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCommandLine } from './command-line.ts';
import { COMMANDS } from './commands.ts';
import type { Ailment } from './knobs.ts';
import { openStore, type Store } from './store.ts';

const [folder = '', ...parameters] = process.argv.slice(2);

try {
  const store = openStore(folder);
  store.log(parameters);
  process.stdout.write(await answer(parameters, store));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

async function answer(parameters: readonly string[], store: Store): Promise<string> {
  const line = readCommandLine(parameters);
  const { running, administrator, delayMs, ailments } = store.knobs();
  await sleep(delayMs[line.command] ?? 0);
  await suffer(ailments[line.command] ?? ailments['*'], line.command);
  if (ailments[line.command] === 'nonsense') return 'Lorem ipsum\ndolor';
  if (line.command === 'version') return `${store.knobs().version}\n`;
  if (!running) throw new Error(`Could not ${line.command.replace('-', ' ')}, dcvserver not running`);
  if (!administrator) throw new Error('Operation not permitted');
  const text = await COMMANDS[line.command]?.(line, store);
  return text === '' || text === undefined ? '' : `${text}\n`;
}

async function suffer(ailment: Ailment | undefined, command: string): Promise<void> {
  switch (ailment) {
    case 'hang':
      // What it started would go on alone if only the program itself were killed.
      spawn('sleep', ['1000'], { stdio: 'ignore' });
      await sleep(1_000_000);
      break;
    case 'die':
      process.kill(process.pid, 'SIGKILL');
      await sleep(1_000_000);
      break;
    case 'flood':
      for (;;) await written(process.stdout);
    case 'shout':
      for (;;) await written(process.stderr);
    case 'fail':
      throw new Error(`${command}: something\n\twent wrong\u0007 in a way that nobody has seen before`);
    case 'left':
      spawn('sleep', ['5'], { stdio: 'inherit' }).unref();
      break;
    default:
  }
}

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => void stream.write('x'.repeat(65_536), () => resolve()));
}
