/** Whether the broker knows this agent, or would take it. Nothing is changed unless that is asked for. */
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type BrokerTrust, complaintOf, createBrokerHttp } from '../broker-http.ts';
import type { BrokerAddress } from '../brokers.ts';
import type { AgentConfig } from '../config.ts';
import { askForToken, createCredentials } from '../credentials.ts';
import { readClient } from '../kept-client.ts';
import { messageOf } from '../thrown.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import type { World } from './world.ts';

const OTHERS_MAY_READ = 0o077;
const STATEMENT_MEND =
  'Copy software-statement.txt from the data folder of the broker, readable by this user, and name the copy as software_statement_path in agent.conf.';

type Settings = Pick<AgentConfig, 'softwareStatementPath' | 'stateFolder'>;

/** `broker`: one that is well; undefined where there is none. */
export async function checkEnrolment(
  config: Settings,
  trust: BrokerTrust,
  world: World,
  broker: BrokerAddress | undefined,
): Promise<readonly Finding[]> {
  const path = join(config.stateFolder, 'credentials.json');
  const statement = await checkStatement(config.softwareStatementPath);
  const credentials = await checkCredentials(path, world);
  const findings = [statement, credentials].filter((each) => each !== undefined);
  if (broker === undefined)
    return [...findings, warn('token', 'Not tried, since no broker is well.', 'Mend what is said of the broker first.')];
  const http = createBrokerHttp(broker, trust);
  try {
    return [...findings, await (world.mayEnrol ? enrol : tryToken)({ ...config, path }, http, world, statement)];
  } finally {
    await http.close();
  }
}

async function checkStatement(path: string | undefined): Promise<Finding> {
  const check = 'software statement';
  if (path === undefined)
    return warn(check, 'None is configured; a broker asks for one.', 'Name it as software_statement_path in agent.conf.');
  const text = await readFile(path, 'utf8').catch((error: Error) => error);
  if (text instanceof Error) return fail(check, `It cannot be read: ${text.message}.`, STATEMENT_MEND);
  return isStatement(text) ? ok(check, path) : fail(check, `${path} does not hold a software statement.`, STATEMENT_MEND);
}

/** Base64 of JSON with an id. Whether it is a good one only a broker knows. */
function isStatement(text: string): boolean {
  try {
    const { id } = JSON.parse(Buffer.from(text.trim(), 'base64').toString('utf8'));
    return typeof id === 'string';
  } catch {
    return false;
  }
}

/** Undefined where there are none yet. */
async function checkCredentials(path: string, { platform }: World): Promise<Finding | undefined> {
  const check = 'credentials';
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    return found.code === 'ENOENT'
      ? undefined
      : fail(check, `They cannot be read: ${found.message}.`, 'Run this as the user of the agent.');
  }
  if (platform !== 'win32' && (found.mode & OTHERS_MAY_READ) !== 0) {
    return fail(check, `${path} is open to others on this host.`, `Close it: chmod 600 ${path}`);
  }
  const client = await readClient(path).catch((error: Error) => error);
  if (client instanceof Error || client === undefined) {
    return fail(
      check,
      `${path} cannot be read as credentials.`,
      'Move it and server-id beside it away; the agent enrols as a new server when it starts.',
    );
  }
  return ok(check, `of client ${client.id}`);
}

type Parts = Settings & { readonly path: string };
type Http = ReturnType<typeof createBrokerHttp>;

async function tryToken({ path }: Parts, http: Http, _: World, statement: Finding): Promise<Finding> {
  const check = 'token';
  const client = await readClient(path).catch(() => undefined);
  if (client === undefined) {
    if (statement.mark !== 'ok')
      return fail(check, 'The agent has neither credentials nor a software statement to enrol with.', STATEMENT_MEND);
    return warn(
      check,
      'Not enrolled yet; whether the broker takes the software statement is known then.',
      'Start the agent, or enrol now with --enrol.',
    );
  }
  const answer = await askForToken(http, client).catch((error: Error) => error);
  if (answer instanceof Error) return fail(check, `The broker gave no token: ${messageOf(answer)}.`, 'Look into the log of the broker.');
  if (answer.status === 200) return ok(check, 'The broker knows this agent.');
  if (answer.status !== 400 && answer.status !== 401)
    return fail(check, `The broker gave no token: ${complaintOf(answer)}.`, 'Look into the log of the broker.');
  const said = 'The broker does not know this agent any more';
  if (statement.mark !== 'ok') return fail(check, `${said}, and there is no software statement to enrol again with.`, STATEMENT_MEND);
  return warn(check, `${said}; it enrols again when it starts.`, 'Restart the agent, or enrol now with --enrol.');
}

/** As the agent itself does when it starts. */
async function enrol({ path, softwareStatementPath }: Parts, http: Http, { clock }: World): Promise<Finding> {
  const quiet = () => undefined;
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const credentials = createCredentials({ clock, log, clientName: hostname(), softwareStatementPath, path });
  try {
    const header = await credentials.authorization(http);
    return header === undefined
      ? fail('token', 'There is no software statement to enrol with.', STATEMENT_MEND)
      : ok('token', 'The agent is enrolled, and the broker knows it.');
  } catch (error) {
    return fail('token', `It cannot enrol: ${messageOf(error)}.`, STATEMENT_MEND);
  }
}
