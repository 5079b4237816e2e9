/** Reading request bodies: never more than the limit in memory, JSON whatever the content type says, and parsed by a wire model. */
import { isUtf8 } from 'node:buffer';
import type { z } from 'zod';
import { badRequest, HttpProblem } from './reply.ts';

/** The body as text; empty where there is none. Throws 413 beyond the limit, before a declared length is read and while a chunked body is. */
export async function readText(request: Request, limitBytes: number): Promise<string> {
  const length = request.headers.get('content-length');
  const bytes = length === null ? await readChunks(request, limitBytes) : await readDeclared(request, Number(length), limitBytes);
  if (!isUtf8(bytes)) throw badRequest('The request body is not UTF-8.');
  return bytes.toString('utf8');
}

/** What `JSON.parse` gives, or undefined where the body is empty. */
export function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('The request body is not JSON.');
  }
}

/** The body as the wire model has it, or a 400 that names the fields at fault. */
export function parseAs<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw badRequest(parsed.error.issues.slice(0, MAX_ISSUES_TOLD).map(describeIssue).join('; '));
}

const MAX_ISSUES_TOLD = 5;

/** The length is the parser's word: Node hands over exactly as many bytes as the header declares. */
async function readDeclared(request: Request, length: number, limitBytes: number): Promise<Buffer> {
  if (length > limitBytes) throw tooLarge(limitBytes);
  try {
    return Buffer.from(await request.arrayBuffer());
  } catch {
    throw cutShort();
  }
}

async function readChunks(request: Request, limitBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read().catch(() => Promise.reject(cutShort()));
    if (done) break;
    size += value.byteLength;
    if (size > limitBytes) {
      await reader.cancel();
      throw tooLarge(limitBytes);
    }
    chunks.push(value);
  }
  return Buffer.concat(chunks, size);
}

/** The connection goes too: what is still coming would have to be read to reach the next request. */
const tooLarge = (limitBytes: number) =>
  new HttpProblem(413, `The request body is larger than ${limitBytes} bytes.`, { connection: 'close' });

const cutShort = () => badRequest('The request body ended early.');

function describeIssue(issue: z.core.$ZodIssue): string {
  const where = describePath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const fields = issue.keys.map((key) => `Unrecognized field ${JSON.stringify(key)}`).join(', ');
    return where === '' ? fields : `${fields} at ${where}`;
  }
  return `${where === '' ? 'The request body' : where}: expected ${describeExpected(issue)}`;
}

/** `[2].AutorunFileArguments[0]`. */
function describePath(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return text.startsWith('.') ? text.slice(1) : text;
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'an integer',
  int: 'an integer',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
};

/** Besides wrong types the models know one bound only: that of whole numbers. */
const describeExpected = (issue: z.core.$ZodIssue): string => (issue.code === 'invalid_type' && NAMES[issue.expected]) || 'an integer';
