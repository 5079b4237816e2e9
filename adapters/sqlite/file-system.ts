/** Which file systems a database may live on: SQLite's locks and its shared memory do not hold across a network. */

import { LogFault } from '../../domain/ports/event-log.ts';

/** By the number that `statfs` gives on Linux (linux/magic.h). */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
]);

/** Throws, with a sentence for the operator, if `path` is on a file system of a kind (`type` of `statfs`) that is shared over a network. */
export function refuseNetworkFileSystem(path: string, type: number): void {
  // Some kernels give the number signed.
  const name = NETWORK_FILE_SYSTEMS.get(type >>> 0);
  if (name) {
    throw new LogFault(
      `${path} is on a network file system (${name}), where SQLite cannot keep data safe; choose a folder on a local disk.`,
    );
  }
}
