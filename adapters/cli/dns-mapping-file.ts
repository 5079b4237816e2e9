/** The file of DNS mappings, read with every fault named by its line and field. */
import { readFile } from 'node:fs/promises';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { ClientFault, EXIT } from '../client/client-fault.ts';
import { type DnsMappingFile, dnsMappingFile } from '../wire/admin.ts';

const MAX_TOLD = 5;

export async function readDnsMappings(file: string): Promise<DnsMappingFile> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw wrong(`--file-path: ${file} cannot be read: ${cause.message}`);
  });
  const parsed = dnsMappingFile.safeParse(jsonIn(text, file));
  if (parsed.success) return parsed.data;
  const place = lineFinder(text);
  const faults = parsed.error.issues
    .slice(0, MAX_TOLD)
    .map(({ path, message }) => `${file}, line ${place(path)}: ${fieldOf(path)}${message}`);
  throw wrong(faults.join('\n'));
}

const wrong = (message: string): ClientFault => new ClientFault(EXIT.usage, message);

function jsonIn(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // JSON is YAML as well, and this parser says where it ends to be JSON.
    const lines = new LineCounter();
    const [fault] = parseDocument(text, { lineCounter: lines }).errors;
    const where = fault === undefined ? '' : `, line ${lines.linePos(fault.pos[0]).line}`;
    throw wrong(
      `${file}${where}: this is not JSON; it must be a list such as [{"ServerIdType": "Ip", "ServerId": "10.0.0.4", "DnsNames": {"InternalDnsName": "a.internal"}}].`,
    );
  }
}

/** Of a field; where it is missing, that of what it is missing from. */
function lineFinder(text: string): (path: readonly PropertyKey[]) => number {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  return (path) => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
}

/** `[2].DnsNames.InternalDnsName: ` */
const fieldOf = (path: readonly PropertyKey[]): string =>
  path.length === 0 ? '' : `${path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')}: `;
