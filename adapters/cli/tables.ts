/** What people get to see of sessions and servers: a heading and a line for each, in columns. */

import { harmless } from '../harmless.ts';
import type { Server } from '../wire/servers.ts';
import type { Session } from '../wire/sessions.ts';

export interface Column<Row> {
  readonly heading: string;
  /** Empty where there is nothing to say. */
  cell(row: Row): string | null | undefined;
}

/** Lines without a line end behind the last. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const padded = columns.map(({ heading, cell }) => pad([heading, ...rows.map((row) => harmless(cell(row) || '-'))]));
  return ['', ...rows]
    .map((_, line) =>
      padded
        .map((cells) => cells[line])
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function pad(cells: readonly string[]): readonly string[] {
  const width = Math.max(...cells.map(({ length }) => length));
  return cells.map((cell) => cell.padEnd(width));
}

const GIB = 2 ** 30;

export const SERVER_COLUMNS: readonly Column<Server>[] = [
  { heading: 'SERVER', cell: ({ Hostname }) => Hostname },
  { heading: 'SYSTEM', cell: ({ Host }) => Host?.Os?.Name },
  { heading: 'CPUS', cell: ({ Host }) => numberOf(Host?.CpuInfo?.NumberOfCpus) },
  { heading: 'MEMORY', cell: ({ Host }) => (Host?.Memory?.TotalBytes ? `${Math.round(Host.Memory.TotalBytes / GIB)} GiB` : '') },
  { heading: 'TAGS', cell: tagsOf },
  { heading: 'STATE', cell: ({ Availability, UnavailabilityReason }) => UnavailabilityReason ?? Availability },
];

/** The id comes last, because it is long. */
export const LISTED_SERVER_COLUMNS: readonly Column<Server>[] = [
  ...SERVER_COLUMNS,
  {
    heading: 'SESSIONS',
    cell: ({ ConsoleSessionCount, VirtualSessionCount }) => String((ConsoleSessionCount ?? 0) + (VirtualSessionCount ?? 0)),
  },
  { heading: 'ID', cell: ({ Id }) => Id },
];

export const SESSION_COLUMNS: readonly Column<Session>[] = [
  { heading: 'ID', cell: ({ Id }) => Id },
  { heading: 'NAME', cell: ({ Name }) => Name },
  { heading: 'OWNER', cell: ({ Owner }) => Owner },
  { heading: 'TYPE', cell: ({ Type }) => Type },
  { heading: 'STATE', cell: ({ State, Substate }) => (Substate ? `${State} (${Substate})` : State) },
  { heading: 'SERVER', cell: ({ Server: server }) => server?.Hostname ?? server?.Ip },
  { heading: 'CLIENTS', cell: ({ NumOfConnections }) => numberOf(NumOfConnections) },
  { heading: 'CREATED', cell: ({ CreationTime }) => CreationTime },
];

const numberOf = (number: number | null | undefined): string => (number === null || number === undefined ? '' : String(number));

/** The built-in ones say nothing about what this server is for. */
function tagsOf({ Tags }: Server): string {
  const own = (Tags ?? []).filter(({ Key }) => !Key?.startsWith('dcv:'));
  return own.map(({ Key, Value }) => `${Key}=${Value}`).join(' ');
}
