/** What `berth start` says when everything runs. */
import { join } from 'node:path';
import { CONNECTION_FILE, type ConnectionFile } from '../connection-file.ts';
import type { ListedServer } from './api.ts';

const GIB = 2 ** 30;

export function welcome(dataDir: string, connection: ConnectionFile, servers: readonly ListedServer[]): string {
  const { url } = connection;
  return `Berth is running: a broker and ${servers.length} simulated server${servers.length === 1 ? '' : 's'}.

${table(servers)}

  API    ${url}
  Docs   ${url}/docs
  Data   ${dataDir}  (how to reach the broker: ${CONNECTION_FILE})

A first request, to paste into another terminal:

${firstRequest(dataDir, connection)}

Its answer, shortened:

  { "RequestId": "...", "SuccessfulList": [{ "Id": "...", "Name": "first", "Owner": "me", "State": "CREATING" }], "UnsuccessfulList": [] }

Ctrl-C stops everything. What happened is kept and is there again at the next start.`;
}

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

function table(servers: readonly ListedServer[]): string {
  const rows = [...servers].sort(byHostname).map((server) => [
    server.Hostname,
    server.Host.Os.Name,
    String(server.Host.CpuInfo.NumberOfCpus),
    `${Math.round(server.Host.Memory.TotalBytes / GIB)} GiB`,
    // The built-in ones say nothing about what this server is for.
    server.Tags.filter(({ Key }) => !Key.startsWith('dcv:'))
      .map(({ Key, Value }) => `${Key}=${Value}`)
      .join(' '),
    server.UnavailabilityReason ?? server.Availability,
  ]);
  const all = [['SERVER', 'SYSTEM', 'CPUS', 'MEMORY', 'TAGS', 'STATE'], ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()).join('\n');
}

function byHostname(one: ListedServer, other: ListedServer): number {
  return one.Hostname.localeCompare(other.Hostname, 'en', { numeric: true });
}
