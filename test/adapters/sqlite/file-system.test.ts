import { statfs } from 'node:fs/promises';
import t from 'tap';
import { refuseNetworkFileSystem } from '../../../adapters/sqlite/file-system.ts';

t.test('a database on a network file system is refused with its kind', async (t) => {
  const kinds = [
    [0x6969, 'NFS'],
    [0x517b, 'SMB'],
    [0xff534d42, 'CIFS'],
    [0xff534d42 | 0, 'CIFS'],
    [0xfe534d42, 'SMB2'],
  ] as const;
  for (const [type, kind] of kinds) {
    t.throws(() => refuseNetworkFileSystem('/data', type), { message: new RegExp(`^/data is on a network file system \\(${kind}\\), `) });
  }
});

t.test('the disk of this machine is not', async (t) => {
  refuseNetworkFileSystem(t.testdir(), (await statfs(t.testdir())).type);
});
