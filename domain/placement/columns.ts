/**
 * What every decision reads of every server, in flat arrays by server number. Ten thousand objects lie all over the memory, and looking
 * at each costs a cache miss or two; a decision runs over these arrays instead and looks at the few objects that are worth it.
 */
import { freeSlots, judge } from '../server/capacity.ts';
import type { SessionType } from '../session/events.ts';
import type { FleetServer } from './fleet-server.ts';

/** Replaced when they grow: read them anew for each decision. */
export interface Columns {
  /** 1 where the server takes sessions of the type, the cap on one owner's sessions aside. */
  readonly takes: Readonly<Record<SessionType, Uint8Array>>;
  /** Sessions that still fit, of the type that fits most; may be Infinity. */
  readonly free: Float64Array;
  readonly sessions: Float64Array;
  /** Runnable processes per CPU over the last minute; Infinity until the agent has told. */
  readonly cpuLoad: Float64Array;
  /** Used share of the memory; Infinity until the agent has told. */
  readonly memoryShare: Float64Array;
  /** With holes. */
  readonly servers: readonly (FleetServer | undefined)[];
}

export interface MutableColumns {
  readonly view: Columns;
  /** Takes over what has changed about a server. */
  set(server: FleetServer): void;
  clear(number: number): void;
}

const FIRST_SIZE = 1_024;
const NOBODY = { VIRTUAL: { sessionType: 'VIRTUAL', owner: '' }, CONSOLE: { sessionType: 'CONSOLE', owner: '' } } as const;

export function createColumns(): MutableColumns {
  const servers: (FleetServer | undefined)[] = [];
  let arrays = allocate(FIRST_SIZE);
  return {
    get view() {
      return { ...arrays, servers };
    },
    set(server) {
      const { number } = server;
      if (number >= arrays.free.length) arrays = grow(arrays, 2 * number);
      servers[number] = server;
      arrays.takes.VIRTUAL[number] = judge(server, NOBODY.VIRTUAL, ownsNone) === undefined ? 1 : 0;
      arrays.takes.CONSOLE[number] = judge(server, NOBODY.CONSOLE, ownsNone) === undefined ? 1 : 0;
      arrays.free[number] = freeSlots(server);
      arrays.sessions[number] = server.console + server.virtual;
      arrays.cpuLoad[number] = share(server.telemetry?.cpuLoadAverage[0], server.description?.cpu.numberOfCpus);
      arrays.memoryShare[number] = share(server.telemetry?.memoryUsedBytes, server.description?.memoryTotalBytes);
    },
    clear(number) {
      servers[number] = undefined;
      arrays.takes.VIRTUAL[number] = 0;
      arrays.takes.CONSOLE[number] = 0;
    },
  };
}

type Arrays = Omit<Columns, 'servers'>;

function allocate(size: number): Arrays {
  return {
    takes: { VIRTUAL: new Uint8Array(size), CONSOLE: new Uint8Array(size) },
    free: new Float64Array(size),
    sessions: new Float64Array(size),
    cpuLoad: new Float64Array(size),
    memoryShare: new Float64Array(size),
  };
}

function grow(arrays: Arrays, size: number): Arrays {
  const larger = allocate(size);
  larger.takes.VIRTUAL.set(arrays.takes.VIRTUAL);
  larger.takes.CONSOLE.set(arrays.takes.CONSOLE);
  larger.free.set(arrays.free);
  larger.sessions.set(arrays.sessions);
  larger.cpuLoad.set(arrays.cpuLoad);
  larger.memoryShare.set(arrays.memoryShare);
  return larger;
}

/** Who owns how much is left to the decision. A server that allows no owner anything takes nothing. */
const ownsNone = (): number => 0;

function share(part: number | undefined, whole: number | undefined): number {
  return part === undefined || whole === undefined || whole <= 0 ? Number.POSITIVE_INFINITY : part / whole;
}
