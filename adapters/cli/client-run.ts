/** Runs one command of the client: finds its broker, asks it, writes the answer to stdout and what went wrong to stderr, and gives the exit code. */
import { type Client, createClient } from '../client/client.ts';
import { ClientFault, EXIT, type ExitCode } from '../client/client-fault.ts';
import { type ClientFlags, type ClientSettings, clientSettings } from '../client/settings.ts';
import { complain } from './output.ts';
import { createRecords } from './records.ts';

export interface Answer {
  /** In the shape of the API. */
  readonly json: object;
  /** The same for people. */
  human(): string;
  /** One sentence for each item that was turned down, and for whatever else the caller should know. */
  readonly remarks?: readonly string[];
  /** Default: success. */
  readonly exitCode?: ExitCode;
}

/** Resolves with the exit code; whatever went wrong has been said by then. */
export async function runClient(flags: ClientFlags, ask: (client: Client) => Promise<Answer>): Promise<number> {
  // Without this the shell would see the same number, and programs that start us a signal.
  process.once('SIGINT', () => process.exit(EXIT.interrupted));
  try {
    const settings = await clientSettings(flags, process.env);
    const client = createClient(settings, settings.debug ? { trace: complain } : {});
    try {
      const answer = await ask(client);
      await show(answer, settings);
      return answer.exitCode ?? EXIT.done;
    } finally {
      await client.close();
    }
  } catch (error) {
    if (!(error instanceof ClientFault)) throw error;
    complain(error.message);
    return error.exitCode;
  }
}

async function show({ json, human, remarks = [] }: Answer, { format }: ClientSettings): Promise<void> {
  const records = createRecords(format === undefined ? {} : { json: format === 'json' });
  await records.text(`${records.json ? JSON.stringify(json, null, 2) : human()}\n`);
  for (const remark of remarks) complain(remark);
}
