/** What `berth start` says when everything runs. */
import { join } from 'node:path';
import { CONNECTION_FILE, type ConnectionFile } from '../connection-file.ts';
import type { ListedServer } from './api.ts';
import type { FleetState } from './fleet-watch.ts';
import { SERVER_COLUMNS, table } from './tables.ts';

/** Where the tokens come from that the API asks for. */
export type Tokens = 'here' | 'elsewhere' | 'needless';

interface Running {
  /** Absent where nobody here can ask the API. */
  readonly fleet?: FleetState;
  readonly tokens: Tokens;
  /** How many servers were started. */
  readonly wanted: number;
}

export function welcome(dataDir: string, connection: ConnectionFile, { fleet, tokens, wanted }: Running): string {
  const { url } = connection;
  return `Berth is running: a broker and ${wanted} simulated server${wanted === 1 ? '' : 's'}.

${fleet === undefined ? '' : fleetLines(fleet, wanted)}  API    ${url}
  Docs   ${url}/docs
  Data   ${dataDir}  (how to reach the broker: ${CONNECTION_FILE})

${tokens === 'elsewhere' ? ELSEWHERE : howToAsk(dataDir, connection, tokens)}
Ctrl-C stops everything. What happened is kept and is there again at the next start.`;
}

function fleetLines({ servers, reached }: FleetState, wanted: number): string {
  const late = reached < wanted ? `\n  Only ${reached} of ${wanted} are there so far. The others may still come.\n` : '';
  return `${indented(table([...servers].sort(byHostname), SERVER_COLUMNS))}\n${late}\n`;
}

const ELSEWHERE = `The API takes tokens of an authorization server of yours (enable-authorization-server is false), so nothing can be asked of it from here.
`;

const howToAsk = (dataDir: string, connection: ConnectionFile, tokens: Tokens): string => `A first request, to paste into another terminal:

${firstRequest(dataDir, connection, tokens)}

Its answer, shortened:

  { "RequestId": "...", "SuccessfulList": [{ "Id": "...", "Name": "first", "Owner": "me", "State": "CREATING" }], "UnsuccessfulList": [] }
`;

const indented = (text: string): string => text.replaceAll(/^/gm, '  ');

/** The password is read from its file: it is not printed, and stays out of the shell's history. */
function firstRequest(dataDir: string, { url, caFile }: ConnectionFile, tokens: Tokens): string {
  const credentials = `const c = require(process.argv[1]); c.clientId + ':' + c.clientPassword`;
  const token = "JSON.parse(require('fs').readFileSync(0)).access_token";
  const body = JSON.stringify([{ Name: 'first', Owner: 'me', Type: 'VIRTUAL' }]);
  const tokenLines = `  CLIENT=$(node -p "${credentials}" ${quote(join(dataDir, CONNECTION_FILE))})
  TOKEN=$(curl -sS --cacert ${quote(caFile)} -u "$CLIENT" -d grant_type=client_credentials ${url}/oauth2/token | node -p "${token}")
`;
  const header = tokens === 'here' ? ` -H "Authorization: Bearer $TOKEN"` : '';
  return `${tokens === 'here' ? tokenLines : ''}  curl -sS --cacert ${quote(caFile)}${header} -H 'Content-Type: application/json' -d '${body}' ${url}/createSessions`;
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function byHostname(one: ListedServer, other: ListedServer): number {
  return String(one.Hostname).localeCompare(String(other.Hostname), 'en', { numeric: true });
}
