import t from 'tap';
import { serverId } from '../../../domain/ids.ts';
import { meets } from '../../../domain/placement/predicate.ts';
import type { PlaceableServer } from '../../../domain/placement/properties.ts';
import { ANY_SERVER, compileRequirement, MAX_DEPTH, MAX_LENGTH } from '../../../domain/placement/requirements.ts';
import { description } from '../../helpers/samples.ts';

const server: PlaceableServer = {
  id: serverId('c2VydmVyLTE='),
  description: description({
    hostname: 'host-1',
    version: '2024.0.19030',
    agentVersion: '2024.0.1',
    os: { family: 'linux', name: 'Amazon Linux', version: '2023', kernelVersion: '6.1.0', buildNumber: 'b7' },
    memoryTotalBytes: 64e9,
    swapTotalBytes: 2e9,
    cpu: { vendor: 'GenuineIntel', modelName: 'Xeon', architecture: 'x86_64', numberOfCpus: 16, physicalCoresPerCpu: 8 },
    aws: { region: 'eu-west-1', instanceType: 'g6.4xlarge', instanceId: 'i-0abc', imageId: 'ami-1' },
    tags: [
      { key: 'dcv:os-family', value: 'linux' },
      { key: 'empty', value: '' },
      { key: 'note', value: "the artist's host" },
      { key: 'ram', value: '16' },
      { key: 'team', value: 'art' },
    ],
  }),
  telemetry: { memoryUsedBytes: 8e9, swapUsedBytes: 1e9, cpuLoadAverage: [0.5, 1.5, 2.5] },
};
const bare: PlaceableServer = {
  id: serverId('bare'),
  description: description({ os: { family: 'linux', name: '', version: '' }, tags: [] }),
};

function holds(text: string, on: PlaceableServer = server): boolean {
  const compiled = compileRequirement(text);
  if ('error' in compiled) throw new Error(`${text}: ${compiled.error.message}`);
  return meets(on, compiled.requirement);
}

function errorOf(text: string): string {
  const compiled = compileRequirement(text);
  return 'error' in compiled ? `${compiled.error.column}|${compiled.error.message}` : 'none';
}

const PROPERTIES: Readonly<Record<string, string>> = {
  Id: "'c2VydmVyLTE='",
  Hostname: "'host-1'",
  Version: "'2024.0.19030'",
  SessionManagerAgentVersion: "'2024.0.1'",
  'Host.Os.BuildNumber': "'b7'",
  'Host.Os.Family': "'linux'",
  'Host.Os.KernelVersion': "'6.1.0'",
  'Host.Os.Name': "'Amazon Linux'",
  'Host.Os.Version': "'2023'",
  'Host.Memory.TotalBytes': '64E9',
  'Host.Memory.UsedBytes': '8E9',
  'Host.Swap.TotalBytes': '2E9',
  'Host.Swap.UsedBytes': '1E9',
  'Host.CpuLoadAverage.OneMinute': '0.5',
  'Host.CpuLoadAverage.FiveMinutes': '1.5',
  'Host.CpuLoadAverage.FifteenMinutes': '2.5',
  'Host.Aws.Ec2InstanceId': "'i-0abc'",
  'Host.Aws.Ec2InstanceType': "'g6.4xlarge'",
  'Host.Aws.Region': "'eu-west-1'",
  'Host.Aws.Ec2ImageId': "'ami-1'",
  'Host.CpuInfo.Architecture': "'x86_64'",
  'Host.CpuInfo.ModelName': "'Xeon'",
  'Host.CpuInfo.NumberOfCpus': '16',
  'Host.CpuInfo.PhysicalCoresPerCpu': '8',
  'Host.CpuInfo.Vendor': "'GenuineIntel'",
};

t.test('each of the 25 properties can be asked for', async (t) => {
  t.equal(Object.keys(PROPERTIES).length, 25);
  for (const [name, value] of Object.entries(PROPERTIES)) {
    t.equal(holds(`server:${name} = ${value}`), true, name);
    t.equal(holds(`server:${name} != ${value}`), false, name);
  }
});

t.test('the properties of AWS may be spelled as on the wire', async (t) => {
  t.equal(holds("server:Host.Aws.EC2InstanceId = 'i-0abc'"), true);
  t.equal(holds("server:Host.Aws.EC2InstanceType = 'g6.4xlarge'"), true);
  t.equal(holds("server:Host.Aws.EC2ImageId = 'ami-1'"), true);
});

t.test('a server without the property fails the term', async (t) => {
  for (const name of [
    'Host.Aws.Region',
    'Host.Aws.EC2ImageId',
    'Host.Aws.EC2InstanceId',
    'Host.Aws.EC2InstanceType',
    'Host.Os.BuildNumber',
  ]) {
    t.equal(holds(`server:${name} != 'x'`, bare), false, name);
  }
  t.equal(holds("server:Host.Os.KernelVersion = ''", bare), false);
  t.equal(holds('server:Host.Memory.UsedBytes >= 0', bare), false);
  t.equal(holds('NOT server:Host.Memory.UsedBytes >= 0', bare), true);
});

/** What is true of the server above. */
const TRUE = [
  "tag:team = 'art'",
  "tag:team='art'",
  "\t tag:team\r\n=\n'art' ",
  "tag:dcv:os-family = 'linux'",
  "tag:note = 'the artist''s host'",
  "tag:note := '''s'",
  "tag:empty = ''",
  "tag:team := ''",
  "tag:team:='r'",
  "tag:team != 'Art'",
  "tag:team > 'Z'",
  "tag:team >= 'art'",
  "tag:team <= 'art'",
  "tag:team < 'as'",
  'tag:ram = 16',
  'tag:ram = 1.6E1',
  'tag:ram = +160e-1',
  'tag:ram > 9',
  "tag:ram < '9'",
  'tag:ram > -16',
  'tag:ram >= 16',
  'tag:ram <= 16',
  'tag:team != 16',
  'NOT tag:team = 16',
  'NOT tag:team > 16',
  'NOT tag:team <= 16',
  'tag:empty != 0',
  "server:Host.Memory.TotalBytes > '1024'",
  "server:Host.Memory.TotalBytes = '64E9'",
  "server:Host.Memory.TotalBytes != 'much'",
  "NOT server:Host.Memory.TotalBytes < 'much'",
  "server:Host.Memory.TotalBytes := '64'",
  "server:Version >= '2023.1'",
  "NOT tag:missing = 'x'",
  "not tag:missing != 'x'",
  "Not (tag:missing != 'x')",
  "tag:team = 'x' or tag:team = 'art' AND tag:ram = 16",
  "tag:team = 'art' OR tag:ram = 16 aNd tag:ram = 17",
  "NOT (tag:team = 'art' AND tag:ram = 17)",
  "NOT tag:team = 'x' AND tag:ram = 16",
  "(tag:team = 'x' OR tag:team = 'art') AND (tag:ram = 17 OR tag:ram = 16)",
  "(((tag:team = 'art')))",
  "NOT(tag:team='x')AND(tag:ram=16)",
  'tag:ram = 16AND tag:ram = 16',
  "tag:team = 'art' AND server:Host.CpuLoadAverage.OneMinute < 1",
  "tag:team = 'art' AND server:Host.CpuLoadAverage.OneMinute < 1 AND server:Host.Memory.UsedBytes < 9E9",
  "tag:team = 'x' OR server:Host.CpuLoadAverage.OneMinute < 1",
  'NOT server:Host.CpuLoadAverage.OneMinute > 1',
  "tag:team = 'art' AND server:Id = 'c2VydmVyLTE='",
];

for (const text of TRUE) {
  t.test(`${JSON.stringify(text)} is true, and its opposite is not`, async (t) => {
    t.equal(holds(text), true);
    t.equal(holds(`NOT (${text})`), false);
  });
}

t.test('a tag that is missing fails the term, whatever the operator', async (t) => {
  for (const operator of ['=', '!=', '<', '<=', '>', '>=', ':=']) t.equal(holds(`tag:missing ${operator} 'x'`), false, operator);
  for (const operator of ['=', '!=', '<', '<=', '>', '>=']) t.equal(holds(`tag:missing ${operator} 1`), false, operator);
});

t.test('no text and blank text want nothing', async (t) => {
  for (const text of [undefined, '', ' \t\r\n']) t.same(compileRequirement(text), { requirement: ANY_SERVER });
  t.equal(meets(bare, ANY_SERVER), true);
});

t.test('the same text gives the same object, for the last few hundred texts', async (t) => {
  const first = compileRequirement("tag:team = 'art'");
  t.equal(compileRequirement("tag:team = 'art'"), first);
  for (let number = 0; number < 300; number += 1) compileRequirement(`tag:a = ${number}`);
  t.not(compileRequirement("tag:team = 'art'"), first);
});

const KEY = 'NOT, ( or a key that starts with tag: or server:';
const OPERATOR = 'an operator (= != < <= > >= :=)';
const VALUE = "a number or a text in single quotes ('…')";

/** What is wrong, and where. */
const WRONG: readonly (readonly [string, string])[] = [
  ["ram_gb = '4'", `1|column 1: expected ${KEY} but found 'ram_gb'`],
  ["tag:team = 'art' AND", `21|column 21: expected ${KEY} but found the end of the text`],
  ["AND tag:team = 'art'", `1|column 1: expected ${KEY} but found 'AND'`],
  ["NOT NOT tag:team = 'art'", "5|column 5: expected ( or a key that starts with tag: or server: but found 'NOT'"],
  ["Tag:team = 'art'", `1|column 1: expected ${KEY} but found 'Tag:team'`],
  ["tag:1st = 'art'", `1|column 1: expected ${KEY} but found 'tag:1st'`],
  ["server:host-1 = 'a'", '1|Server property `host` not found'],
  ["server: = 'a'", `1|column 1: expected ${KEY} but found 'server:'`],
  ["tag:a = 'b' AND server:Ip = '10.0.0.1'", '17|Server property `Ip` not found'],
  ["server:Host.Os.family = 'linux'", '1|Server property `Host.Os.family` not found'],
  ["server:constructor = 'x'", '1|Server property `constructor` not found'],
  ["tag:cost-center = 'x'", `9|column 9: expected ${OPERATOR} but found '-center'`],
  ['tag:team', `9|column 9: expected ${OPERATOR} but found the end of the text`],
  ["tag:team 'art'", `10|column 10: expected ${OPERATOR} but found a text`],
  ["tag:team ~ 'art'", `10|column 10: expected ${OPERATOR} but found '~'`],
  ['tag:team = "art"', `12|column 12: expected ${VALUE} but found '"'`],
  ["tag:team == 'art'", `11|column 11: expected ${VALUE} but found '='`],
  ['tag:team = art', `12|column 12: expected ${VALUE} but found 'art'`],
  ["tag:team = 'art", "12|column 12: the text that starts here has no closing '"],
  ["tag:team = 'it''s", "12|column 12: the text that starts here has no closing '"],
  ["tag:team = 'it's'", "16|column 16: expected AND, OR or the end of the text but found 's'"],
  ["'", "1|column 1: the text that starts here has no closing '"],
  ['tag:ram := 16', '12|column 12: := (contains) wants a text in single quotes, not a number'],
  ['tag:ram = 1E999', '11|column 11: the number is too large'],
  ['tag:ram = -1E999', '11|column 11: the number is too large'],
  ['tag:ram = 16 17', "14|column 14: expected AND, OR or the end of the text but found '17'"],
  ['tag:ram = 1.', "12|column 12: expected AND, OR or the end of the text but found '.'"],
  ['(tag:ram = 16', '14|column 14: expected AND, OR or ) but found the end of the text'],
  ['tag:ram = 16)', "13|column 13: expected AND, OR or the end of the text but found ')'"],
  ['()', `2|column 2: expected ${KEY} but found ')'`],
  ['(tag:ram = 16 x', "15|column 15: expected AND, OR or ) but found 'x'"],
  ['tag:ram\u00a0= 16', `8|column 8: expected ${OPERATOR} but found the character U+00A0`],
  ['tag:ram \u0000', `9|column 9: expected ${OPERATOR} but found the character U+0000`],
  ['tag:ram 😀 16', `9|column 9: expected ${OPERATOR} but found '😀'`],
  [`tag:a ${'x'.repeat(100)}`, `7|column 7: expected ${OPERATOR} but found '${'x'.repeat(40)}'`],
];

for (const [text, error] of WRONG) t.test(`${JSON.stringify(text)} is refused`, async (t) => t.equal(errorOf(text), error));

t.test('a text may be long, and no longer', async (t) => {
  const padded = (length: number) => "tag:team = 'art'".padEnd(length);
  t.equal(holds(padded(MAX_LENGTH)), true);
  t.equal(errorOf(padded(MAX_LENGTH + 1)), '4097|the requirement has more than 4096 characters');
});

t.test('parentheses may be nested deep, and no deeper', async (t) => {
  const nested = (depth: number) => `${'('.repeat(depth)}tag:ram = 16${')'.repeat(depth)}`;
  t.equal(holds(nested(MAX_DEPTH)), true);
  t.equal(errorOf(nested(MAX_DEPTH + 1)), '101|column 101: more than 100 parentheses inside each other');
  t.match(errorOf('('.repeat(MAX_LENGTH)), /^101\|/);
  const beside = Array.from({ length: 200 }, () => '(tag:ram = 16)').join(' OR ');
  t.equal(holds(beside), true, 'parentheses beside each other are not nested');
});
