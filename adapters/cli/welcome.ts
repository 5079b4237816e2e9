/** What `berth start` says when everything runs. */
import { join } from 'node:path';
import { CONNECTION_FILE, type ConnectionFile } from '../connection-file.ts';
import type { ListedServer } from './api.ts';
import type { FleetState } from './fleet-watch.ts';
import { SERVER_COLUMNS, table } from './tables.ts';

/** `wanted`: how many servers were started. */
export function welcome(dataDir: string, connection: ConnectionFile, fleet: FleetState & { readonly wanted: number }): string {
  const { url } = connection;
  const { servers, reached, wanted } = fleet;
  return `Berth is running: a broker and ${wanted} simulated server${wanted === 1 ? '' : 's'}.

${indented(table([...servers].sort(byHostname), SERVER_COLUMNS))}
${reached < wanted ? `\n  Only ${reached} of ${wanted} are there so far. The others may still come.\n` : ''}
  API    ${url}
  Docs   ${url}/docs
  Data   ${dataDir}  (how to reach the broker: ${CONNECTION_FILE})

A first request, to paste into another terminal:

${firstRequest(dataDir, connection)}

Its answer, shortened:

  { "RequestId": "...", "SuccessfulList": [{ "Id": "...", "Name": "first", "Owner": "me", "State": "CREATING" }], "UnsuccessfulList": [] }

Ctrl-C stops everything. What happened is kept and is there again at the next start.`;
}

const indented = (text: string): string => text.replaceAll(/^/gm, '  ');

/** The password is read from its file: it is not printed, and stays out of the shell's history. */
function firstRequest(dataDir: string, { url, caFile }: ConnectionFile): string {
  const credentials = `const c = require(process.argv[1]); c.clientId + ':' + c.clientPassword`;
  const token = "JSON.parse(require('fs').readFileSync(0)).access_token";
  const body = JSON.stringify([{ Name: 'first', Owner: 'me', Type: 'VIRTUAL' }]);
  return `  CLIENT=$(node -p "${credentials}" ${quote(join(dataDir, CONNECTION_FILE))})
  TOKEN=$(curl -sS --cacert ${quote(caFile)} -u "$CLIENT" -d grant_type=client_credentials ${url}/oauth2/token | node -p "${token}")
  curl -sS --cacert ${quote(caFile)} -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '${body}' ${url}/createSessions`;
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function byHostname(one: ListedServer, other: ListedServer): number {
  return String(one.Hostname).localeCompare(String(other.Hostname), 'en', { numeric: true });
}
