/** The published document, against what generated clients of the original are made of. */
import t from 'tap';
import { parse } from 'yaml';
import { createDocument, type OpenApiDocument, type Schema } from '../../../adapters/http/openapi.ts';
import { operations } from '../../../adapters/http/operations.ts';
import { createTestApi } from '../../helpers/client-api.ts';

/** Method, path, operationId, tag, body and answer. */
const OPERATIONS = [
  'post /describeSessions describeSessions sessions DescribeSessionsRequestData? DescribeSessionsResponse',
  'post /describeServers describeServers servers DescribeServersRequestData? DescribeServersResponse',
  'post /createSessions createSessions sessions CreateSessionRequestData[] CreateSessionsResponse',
  'post /deleteSessions deleteSessions sessions DeleteSessionRequestData[] DeleteSessionsResponse',
  'put /sessionPermissions updateSessionPermissions sessionPermissions UpdateSessionPermissionsRequestData[] UpdateSessionPermissionsResponse',
  'get /sessionConnectionData/{sessionId}/{user} GetSessionConnectionData GetSessionConnectionData sessionId,user GetSessionConnectionDataResponse',
  'post /getSessionScreenshots getSessionScreenshots sessions GetSessionScreenshotRequestData[] GetSessionScreenshotsResponse',
  'post /openServers openServers servers OpenServerRequestData[] OpenServersResponse',
  'post /closeServers closeServers servers CloseServerRequestData[] CloseServersResponse',
];

/** Each model's fields with their types. */
const MODELS: Record<string, string> = {
  KeyValuePair: 'Key:string Value:string',
  Server:
    'Id:string Ip:string Hostname:string DefaultDnsName:string Port:string Endpoints:Endpoint[] WebUrlPath:string Version:string SessionManagerAgentVersion:string Availability:string UnavailabilityReason:string ConsoleSessionCount:int32 VirtualSessionCount:int32 Host:Host Tags:KeyValuePair[]',
  Endpoint: 'IpAddress:string Port:integer WebUrlPath:string Protocol:string',
  Host: 'Os:Os Memory:Memory Swap:Swap Aws:Aws CpuInfo:CpuInfo CpuLoadAverage:CpuLoadAverage Gpus:Gpu[] LoggedInUsers:LoggedInUser[]',
  Os: 'Family:string Name:string Version:string KernelVersion:string BuildNumber:string',
  Memory: 'TotalBytes:int64 UsedBytes:int64',
  Swap: 'TotalBytes:int64 UsedBytes:int64',
  CpuInfo: 'Vendor:string ModelName:string Architecture:string NumberOfCpus:integer PhysicalCoresPerCpu:integer',
  CpuLoadAverage: 'OneMinute:float FiveMinutes:float FifteenMinutes:float',
  Gpu: 'Vendor:string ModelName:string',
  LoggedInUser: 'Username:string',
  Aws: 'Region:string EC2InstanceType:string EC2InstanceId:string EC2ImageId:string',
  Session:
    'Id:string Name:string Owner:string Server:Server Type:string MaxConcurrentClients:int64 State:string Substate:string StateReason:string CreationTime:date-time LastDisconnectionTime:date-time NumOfConnections:int64 StorageRoot:string',
  DescribeSessionsRequestData: 'SessionIds:string[] Filters:KeyValuePair[] MaxResults:integer NextToken:string',
  DescribeSessionsResponse: 'RequestId:string Sessions:Session[] NextToken:string',
  DescribeServersRequestData: 'ServerIds:string[] MaxResults:integer NextToken:string',
  DescribeServersResponse: 'RequestId:string Servers:Server[] NextToken:string',
  CreateSessionRequestData:
    'Name:string Owner:string Type:string DcvGlEnabled:boolean MaxConcurrentClients:int64 InitFilePath:string InitFile:string AutorunFile:string AutorunFileArguments:string[] PermissionsFile:string Requirements:string EnqueueRequest:boolean DisableRetryOnFailure:boolean StorageRoot:string',
  UnsuccessfulCreateSessionRequestData: 'CreateSessionRequestData:CreateSessionRequestData FailureReason:string',
  CreateSessionsResponse: 'RequestId:string SuccessfulList:Session[] UnsuccessfulList:UnsuccessfulCreateSessionRequestData[]',
  DeleteSessionSuccessfulResponse: 'SessionId:string State:string',
  DeleteSessionUnsuccessfulResponse: 'SessionId:string FailureReason:string',
  UpdateSessionPermissionsSuccessfulResponse: 'SessionId:string',
  UpdateSessionPermissionsUnsuccessfulResponse: 'SessionId:string FailureReason:string',
  DeleteSessionsResponse:
    'RequestId:string SuccessfulList:DeleteSessionSuccessfulResponse[] UnsuccessfulList:DeleteSessionUnsuccessfulResponse[]',
  DeleteSessionRequestData: 'SessionId:string Owner:string Force:boolean',
  UpdateSessionPermissionsRequestData: 'SessionId:string Owner:string PermissionsFile:string',
  UpdateSessionPermissionsResponse:
    'RequestId:string SuccessfulList:UpdateSessionPermissionsSuccessfulResponse[] UnsuccessfulList:UpdateSessionPermissionsUnsuccessfulResponse[]',
  GetSessionConnectionDataResponse: 'Session:Session ConnectionToken:string',
  GetSessionScreenshotRequestData: 'SessionId:string MaxWidth:int64? MaxHeight:int64?',
  GetSessionScreenshotsResponse:
    'RequestId:string SuccessfulList:GetSessionScreenshotSuccessfulResponse[] UnsuccessfulList:GetSessionScreenshotUnsuccessfulResponse[]',
  GetSessionScreenshotSuccessfulResponse: 'SessionScreenshot:SessionScreenshot',
  SessionScreenshot: 'SessionId:string Images:SessionScreenshotImage[]',
  SessionScreenshotImage: 'Format:string Data:string CreationTime:date-time Primary:boolean',
  GetSessionScreenshotUnsuccessfulResponse: 'GetSessionScreenshotRequestData:GetSessionScreenshotRequestData FailureReason:string',
  OpenServerRequestData: 'ServerId:string',
  OpenServersResponse: 'RequestId:string SuccessfulList:OpenServerSuccessfulResponse[] UnsuccessfulList:OpenServerUnsuccessfulResponse[]',
  OpenServerSuccessfulResponse: 'ServerId:string',
  OpenServerUnsuccessfulResponse: 'OpenServerRequestData:OpenServerRequestData FailureCode:string FailureReason:string',
  CloseServerRequestData: 'ServerId:string Force:boolean',
  CloseServersResponse:
    'RequestId:string SuccessfulList:CloseServerSuccessfulResponse[] UnsuccessfulList:CloseServerUnsuccessfulResponse[]',
  CloseServerSuccessfulResponse: 'ServerId:string',
  CloseServerUnsuccessfulResponse: 'CloseServerRequestData:CloseServerRequestData FailureCode:string FailureReason:string',
};

const OUR_OWN = ['AuditEntry', 'AuditResponse', 'HistoryCause', 'HistoryEntry', 'HistoryResponse'];

const reference = (schema: Schema | undefined) => schema?.$ref?.replace('#/components/schemas/', '');

function typeOf(schema: Schema): string {
  const type = schema.items ? `${typeOf(schema.items)}[]` : (reference(schema) ?? schema.format ?? schema.type ?? '');
  return schema.nullable ? `${type}?` : type;
}

const fieldsOf = (schema: Schema | undefined) =>
  Object.entries(schema?.properties ?? {})
    .map(([name, type]) => `${name}:${typeOf(type)}`)
    .join(' ');

function operationsOf(document: OpenApiDocument): string[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, tags, requestBody, parameters = [], responses }]) => {
      const body = requestBody?.content['application/json'].schema;
      const given = body ? `${typeOf(body)}${requestBody?.required ? '' : '?'}` : parameters.map(({ name }) => name).join(',');
      return [method, path, operationId, tags.join(','), given, reference(responses['200']?.content?.['application/json'].schema)].join(
        ' ',
      );
    }),
  );
}

t.test('every operation says when it is asked too often, in a way that changes no generated client', async (t) => {
  const { send } = await createTestApi(t);
  const { paths } = parse(String((await send('/dcv-session-manager-api.yaml')).body['text'])) as OpenApiDocument;
  for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) {
    const tooMany = operation.responses['429'];
    t.match(tooMany?.headers, { 'Retry-After': { schema: { type: 'integer' } } }, operation.operationId);
    t.equal(tooMany?.content, undefined, 'no model that a method could give');
  }
});

t.test('the document is served without a token and describes the operations of the original', async (t) => {
  const { send } = await createTestApi(t);
  const answer = await send('/dcv-session-manager-api.yaml');
  t.equal(answer.status, 200);
  t.match(answer.headers.get('content-type'), 'application/yaml');
  const document = parse(String(answer.body['text'])) as OpenApiDocument;
  t.match(document, { openapi: '3.0.0', info: { title: 'DCV Session Manager', version: '2023.0' }, security: [{ bearerAuth: [] }] });
  t.match(document.components.securitySchemes, { bearerAuth: { type: 'http', scheme: 'bearer' } });
  t.strictSame(
    operationsOf(document)
      .filter((line) => !line.includes('history'))
      .sort(),
    [...OPERATIONS].sort(),
  );
});

t.test('the history has operations of its own under a tag of its own', async (t) => {
  const { send } = await createTestApi(t);
  const document = parse(String((await send('/dcv-session-manager-api.yaml')).body['text'])) as OpenApiDocument;
  t.strictSame(
    operationsOf(document).filter((line) => line.includes('history')),
    [
      'get /sessions/{sessionId}/history getSessionHistory history sessionId,MaxResults,NextToken HistoryResponse',
      'get /servers/{serverId}/history getServerHistory history serverId,MaxResults,NextToken HistoryResponse',
      'get /audit getAudit history Actor,Client,Owner,Type,From,To,RequestId,format,follow,MaxResults,NextToken AuditResponse',
    ],
  );
});

t.test('the models are those of the original, field by field', async (t) => {
  const { send } = await createTestApi(t);
  const document = parse(String((await send('/dcv-session-manager-api.yaml')).body['text'])) as OpenApiDocument;
  const { schemas } = document.components;
  t.equal(Object.keys(MODELS).length, 43);
  t.strictSame(Object.keys(schemas).sort(), [...Object.keys(MODELS), ...OUR_OWN].sort());
  for (const [name, fields] of Object.entries(MODELS)) t.equal(fieldsOf(schemas[name]), fields, name);
});

t.test('nothing in the document is stricter than the original: no required fields, no enumerations, no bounds', async (t) => {
  const { send } = await createTestApi(t);
  const text = String((await send('/dcv-session-manager-api.yaml')).body['text']);
  const schemas = text.slice(text.indexOf('  schemas:'));
  for (const word of ['required:', 'enum:', 'minimum:', 'maximum:', 'additionalProperties:', 'pattern:', 'allOf:', 'anyOf:']) {
    t.notOk(schemas.includes(word), word);
  }
});

t.test('what each operation needs is said in words, so that generated clients are what they were', async (t) => {
  const document = createDocument();
  const all = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  for (const { operationId, description } of all) {
    const { scopes, ofOwners } = operations.find(({ id }) => id === operationId) ?? { scopes: [], ofOwners: undefined };
    t.match(description, `Needs the scope ${scopes.join(' or ')}`, operationId);
    t.equal(description.includes('not bound to one owner'), ofOwners === false, operationId);
  }
  t.match(document.info.description, /answered with 403/);
  t.same(document.security, [{ bearerAuth: [] }]);
});

t.test('the header for sending a request again is described with each change, and is no parameter of generated clients', async (t) => {
  const { send } = await createTestApi(t);
  const document = parse(String((await send('/dcv-session-manager-api.yaml')).body['text'])) as OpenApiDocument;
  const all = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  const repeatable = all.filter(({ description }) => description.includes('Idempotency-Key'));
  t.same(repeatable.map(({ operationId }) => operationId).sort(), [
    'closeServers',
    'createSessions',
    'deleteSessions',
    'openServers',
    'updateSessionPermissions',
  ]);
  for (const { responses } of repeatable) t.same(Object.keys(responses), ['200', '400', '409', '422', '429']);
  for (const { parameters = [] } of all) t.ok(parameters.every((parameter) => parameter.in === 'path' || parameter.in === 'query'));
});
