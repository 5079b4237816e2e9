/**
 * What every decision reads of every server, in flat arrays by server number. Ten thousand objects lie all over the memory, and looking
 * at each costs a cache miss or two; a decision runs over these arrays instead and looks at the few objects that are worth it.
 */
import { freeSlots } from '../server/capacity.ts';
import type { SessionType } from '../session/events.ts';
import type { FleetServer } from './fleet-server.ts';
import { NO_SERVER, verdictOn } from './objection.ts';

/** Replaced when they grow: read them anew for each decision. */
export interface Columns {
  /** What the server says to a session of the type, the cap on one owner's sessions aside: a place in VERDICTS. */
  readonly verdicts: Readonly<Record<SessionType, Uint8Array>>;
  /** Sessions that still fit, of the type that fits most; may be Infinity. */
  readonly free: Float64Array;
  readonly sessions: Float64Array;
  /** 1 where there are sessions. */
  readonly inUse: Float64Array;
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
      arrays.verdicts.VIRTUAL[number] = verdictOn(server, 'VIRTUAL');
      arrays.verdicts.CONSOLE[number] = verdictOn(server, 'CONSOLE');
      arrays.free[number] = freeSlots(server);
      arrays.sessions[number] = server.console + server.virtual;
      arrays.inUse[number] = Math.min(1, server.console + server.virtual);
      arrays.cpuLoad[number] = share(server.telemetry?.cpuLoadAverage[0], server.description?.cpu.numberOfCpus);
      arrays.memoryShare[number] = share(server.telemetry?.memoryUsedBytes, server.description?.memoryTotalBytes);
    },
    clear(number) {
      servers[number] = undefined;
      arrays.verdicts.VIRTUAL[number] = NO_SERVER;
      arrays.verdicts.CONSOLE[number] = NO_SERVER;
    },
  };
}

type Arrays = Omit<Columns, 'servers'>;

function allocate(size: number): Arrays {
  return {
    verdicts: { VIRTUAL: new Uint8Array(size), CONSOLE: new Uint8Array(size) },
    free: new Float64Array(size),
    sessions: new Float64Array(size),
    inUse: new Float64Array(size),
    cpuLoad: new Float64Array(size),
    memoryShare: new Float64Array(size),
  };
}

function grow(arrays: Arrays, size: number): Arrays {
  const larger = allocate(size);
  larger.verdicts.VIRTUAL.set(arrays.verdicts.VIRTUAL);
  larger.verdicts.CONSOLE.set(arrays.verdicts.CONSOLE);
  larger.free.set(arrays.free);
  larger.sessions.set(arrays.sessions);
  larger.inUse.set(arrays.inUse);
  larger.cpuLoad.set(arrays.cpuLoad);
  larger.memoryShare.set(arrays.memoryShare);
  return larger;
}

function share(part: number | undefined, whole: number | undefined): number {
  return part === undefined || whole === undefined || whole <= 0 ? Number.POSITIVE_INFINITY : part / whole;
}
