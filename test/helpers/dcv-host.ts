/** A host with the stand-in for its DCV server, which a test may provoke while an agent runs. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { timestamp } from '../dcv-stand-in/shapes.ts';
import { openStore, type StandInSession, type Store } from '../dcv-stand-in/store.ts';

export interface DcvHost extends Pick<Store, 'turn' | 'sessions' | 'calls' | 'forgetCalls'> {
  readonly folder: string;
  /** The program, for `dcv_root`. */
  readonly dcvPath: string;
  readonly stateFolder: string;
  readonly initFolder: string;
  readonly autorunFolder: string;
  /** How often a command was called. */
  count(command: string): number;
  session(id: string): StandInSession | undefined;
  addByHand(id: string, more?: Partial<StandInSession>): void;
  removeByHand(id: string): void;
  /** Connected from now on. */
  connect(id: string, ...users: readonly string[]): void;
  disconnect(id: string): void;
  /** A file below the folder of the host, with its folders; gives its path. */
  write(name: string, text: string, mode?: number): string;
}

const STAND_IN = fileURLToPath(new URL('../dcv-stand-in/dcv.js', import.meta.url));

/** Its folder is removed when the test is over. */
export function createDcvHost(t: Test): DcvHost {
  const folder = mkdtempSync(join(tmpdir(), 'berth-dcv-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  chmodSync(folder, 0o755);
  const store = openStore(join(folder, 'dcv-server'));
  const inFolder = (name: string): string => join(folder, name);
  for (const name of ['init', 'autorun', 'state']) mkdirSync(inFolder(name), { mode: 0o755 });

  function write(name: string, text: string, mode = 0o644): string {
    const path = inFolder(name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  function change(id: string, changed: Partial<StandInSession>): void {
    const session = store.sessions().find((candidate) => candidate.id === id);
    if (session === undefined) throw new Error(`There is no session ${id}.`);
    store.replace({ ...session, ...changed });
  }

  // Without what tap tells each process of Node to measure coverage, which takes longer than the program itself.
  const dcvPath = write('dcv', `#!/bin/sh\nunset NODE_OPTIONS\nexec '${process.execPath}' '${STAND_IN}' '${store.folder}' "$@"\n`, 0o755);
  return {
    ...store,
    folder,
    dcvPath,
    stateFolder: inFolder('state'),
    initFolder: inFolder('init'),
    autorunFolder: inFolder('autorun'),
    count: (command) => store.calls().filter(([first]) => first === command).length,
    session: (id) => store.sessions().find((candidate) => candidate.id === id),
    addByHand: (id, more = {}) => void store.add({ ...BY_HAND, id, creationTime: timestamp(new Date()), ...more }),
    removeByHand: (id) => store.remove(id),
    connect: (id, ...users) => change(id, { users }),
    disconnect: (id) => change(id, { users: [], lastDisconnectionTime: timestamp(new Date()) }),
    write,
  };
}

const BY_HAND: Omit<StandInSession, 'id' | 'creationTime'> = {
  name: 'by hand',
  owner: 'ann',
  user: 'ann',
  type: 'virtual',
  gl: null,
  maxClients: null,
  storageRoot: '',
  permissions: null,
  init: null,
  lastDisconnectionTime: '',
  users: [],
};
