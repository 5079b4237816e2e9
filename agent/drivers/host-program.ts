/** Programs that an administrator has put into the agent's folders for sessions to run. Whoever could change one of them would act as others. */
import { access, constants, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { isInside } from '../session-files.ts';

const { S_IWOTH, S_IXUSR, S_IXGRP, S_IXOTH } = constants;
const ANY_EXECUTE = S_IXUSR | S_IXGRP | S_IXOTH;

/** The program without any links in its path, so that what was checked is what is run; or a sentence for the session's StateReason. */
export async function hostProgram(
  path: string,
  folder: string,
  what: 'init' | 'autorun',
): Promise<{ readonly path: string } | { readonly failed: string }> {
  const name = `The ${what} file '${relative(folder, path)}'`;
  const home = await real(folder);
  if (home === undefined) return { failed: `${name} cannot be used: the agent's ${what} folder ${folder} is not there or cannot be read` };
  const target = await real(path);
  if (target === undefined) return { failed: `${name} is not in the agent's ${what} folder ${folder}, or cannot be read` };
  if (!isInside(home, target)) return { failed: `${name} is a link that leads out of the agent's ${what} folder ${folder}` };
  const fault = await faultOf(target, home);
  return fault === undefined ? { path: target } : { failed: `${name} ${fault}` };
}

async function real(path: string): Promise<string | undefined> {
  try {
    const found = await realpath(path);
    await access(found, constants.R_OK);
    return found;
  } catch {
    return undefined;
  }
}

/** Windows keeps its permissions elsewhere than in modes. */
async function faultOf(path: string, home: string): Promise<string | undefined> {
  const found = await stat(path);
  if (!found.isFile()) return 'is not a regular file';
  /* c8 ignore next */ // Tests run on Linux.
  if (process.platform === 'win32') return undefined;
  if ((found.mode & ANY_EXECUTE) === 0) return 'is not executable';
  if ((found.mode & S_IWOTH) !== 0) return 'can be written by all users of the host';
  for (const folder of foldersBetween(home, path)) {
    if (((await stat(folder)).mode & S_IWOTH) !== 0) return `is in the folder ${folder}, which can be written by all users of the host`;
  }
  return undefined;
}

/** Those that lead from `home` to `path`, which is inside it. */
function foldersBetween(home: string, path: string): readonly string[] {
  const parts = dirname(relative(home, path)).split(sep);
  return [home, ...parts.map((_, index) => join(home, ...parts.slice(0, index + 1)))];
}
