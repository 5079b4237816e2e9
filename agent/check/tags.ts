/** The tags of the server, read as the agent reads them. */
import { readdir } from 'node:fs/promises';
import type { AgentConfig } from '../config.ts';
import { type BuiltInTags, createTagReader } from '../tags.ts';
import { type Finding, ok, warn } from './finding.ts';

/** They are added whatever the files say, and are not counted. */
const BUILT_IN: BuiltInTags = { osFamily: 'linux', maxVirtualSessions: 0, maxSessionsPerOwner: 0 };
const CHECK = 'tags';

export async function checkTags({ tagsFolders }: Pick<AgentConfig, 'tagsFolders'>): Promise<readonly Finding[]> {
  const complaints: Finding[] = [];
  const quiet = () => undefined;
  const complain = (fields: object): void => {
    const { problem } = fields as { readonly problem: string };
    complaints.push(warn(CHECK, `${problem}.`, `Correct the file; a tag is a line such as  team = "design"`));
  };
  const readTags = createTagReader(tagsFolders, { debug: quiet, info: quiet, warn: complain, error: complain });
  const tags = await readTags(BUILT_IN);
  const folders = await Promise.all(tagsFolders.map(folderComplaint));
  // Of the two places where the original has them one is enough.
  const unreadable = folders.every((each) => each !== undefined) ? folders.slice(0, 1) : [];
  const own = tags.filter(({ key }) => !key.startsWith('dcv:'));
  const names = own.map(({ key }) => key).join(', ');
  return [...unreadable, ...complaints, ok(CHECK, own.length === 0 ? `none in ${tagsFolders.join(' and ')}` : names)].filter(
    (each) => each !== undefined,
  );
}

async function folderComplaint(folder: string): Promise<Finding | undefined> {
  return readdir(folder).then(
    () => undefined,
    (error: NodeJS.ErrnoException) =>
      warn(
        CHECK,
        `${folder} cannot be read (${error.code}), so this server has no tags of its own.`,
        `Make the folder, or correct tags_folder in agent.conf.`,
      ),
  );
}
