/** The metadata service of an EC2 instance, as its version 2 answers, on loopback. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

export interface MetadataService {
  readonly url: string;
  /** Method and path of every request. */
  readonly asked: string[];
  /** What it does from now on. */
  behave(behaviour: 'right' | 'silent' | 'no instance' | 'nonsense'): void;
}

const DOCUMENT = { region: 'eu-west-1', instanceType: 'g5.xlarge', instanceId: 'i-0123', imageId: 'ami-1', accountId: '1' };
const NAME = 'ip-10-0-0-4.eu-west-1.compute.internal example.org';

export async function startMetadataService(t: Test): Promise<MetadataService> {
  const asked: string[] = [];
  let behaviour = 'right';
  const server = createServer(({ method, url = '', headers }, response) => {
    asked.push(`${method} ${url}`);
    if (behaviour === 'silent') return;
    const [status, text] = behaviour === 'no instance' ? [404, ''] : answerTo(`${method} ${url}`, headers, behaviour === 'nonsense');
    response.writeHead(status).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    behave(next) {
      behaviour = next;
    },
  };
}

function answerTo(request: string, headers: IncomingHttpHeaders, isNonsense: boolean): readonly [number, string] {
  if (request === 'PUT /latest/api/token') {
    // The service refuses a token to whoever comes through a proxy.
    const isRight = Number(headers['x-aws-ec2-metadata-token-ttl-seconds']) > 0 && headers['x-forwarded-for'] === undefined;
    return isRight ? [200, 'a-token'] : [400, ''];
  }
  if (headers['x-aws-ec2-metadata-token'] !== 'a-token') return [401, ''];
  if (request === 'GET /latest/dynamic/instance-identity/document') return [200, isNonsense ? '<html>' : JSON.stringify(DOCUMENT)];
  return request === 'GET /latest/meta-data/local-hostname' ? [200, NAME] : [404, ''];
}
