/** Pictures of sessions: printed by `dcv` as JSON, or written to a private file by versions that do not print them. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { getScreenshot } from './dcv-arguments.ts';
import { PICTURE } from './dcv-limits.ts';
import { readJson } from './dcv-sessions.ts';
import type { DcvTool } from './dcv-tool.ts';
import type { PictureWish } from './driver.ts';

/** As a file: what fits into one message to the broker once it is base64. */
const MAX_BYTES = Math.floor((PICTURE.maxBytes * 3) / 4);
/** How each format begins. */
const BEGINNINGS = { png: Buffer.from('89504e470d0a1a0a', 'hex'), jpeg: Buffer.from('ffd8ff', 'hex') } as const;

type Picture = { readonly picture: Buffer } | { readonly failed: string };

const picture = z.object({ base64: z.base64() });
/** Versions may print one picture or a list of them, which `--primary` or the only display makes one. */
const printed = z.union([picture, z.array(picture).min(1)]);

/** `folder` is the agent's own. Rejects with what the tool rejects with. */
export async function takePicture(tool: DcvTool, folder: string, localId: string, wish: PictureWish): Promise<Picture> {
  const line = getScreenshot(localId, wish);
  if ('failed' in line) return line;
  const data = await tool.firstKnown('get-screenshot', [
    async () => readPrinted((await tool.ask([...line.parameters, '--json'], PICTURE)).toString('utf8')),
    async () => throughFile(tool, folder, line.parameters),
  ]);
  if (data === undefined) return { failed: `The picture is larger than ${MAX_BYTES} bytes` };
  const isRight = data.subarray(0, BEGINNINGS[wish.format].length).equals(BEGINNINGS[wish.format]);
  return isRight ? { picture: data } : { failed: `dcv get-screenshot gave something that is no ${wish.format.toUpperCase()} picture` };
}

function readPrinted(json: string): Buffer {
  const [first] = [readJson('get-screenshot', json, printed)].flat();
  return Buffer.from(first?.base64 ?? '', 'base64');
}

/** Undefined: it is too large. */
async function throughFile(tool: DcvTool, folder: string, parameters: readonly string[]): Promise<Buffer | undefined> {
  const own = await mkdtemp(join(folder, 'picture-'));
  try {
    const path = join(own, 'picture');
    await tool.ask([...parameters, '--output', path], PICTURE);
    return await readUpTo(path, MAX_BYTES);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function readUpTo(path: string, maxBytes: number): Promise<Buffer | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return size > maxBytes ? undefined : await file.readFile();
  } finally {
    await file.close();
  }
}
