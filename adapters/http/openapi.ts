/**
 * The OpenAPI document, made from the list of operations and the wire models. Generated clients of the original and of this broker are
 * the same: it says neither which fields are required nor which texts a field may hold, because the original's does not.
 */
import { z } from 'zod';
import { models } from '../wire/shapes.ts';
import { type OperationDescription, operations } from './operations.ts';

export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly example?: unknown;
  readonly deprecated?: boolean;
  readonly nullable?: boolean;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

export interface ModelSchema extends Schema {
  readonly properties: Readonly<Record<string, Schema>>;
}

export interface OperationObject {
  readonly tags: readonly [string];
  readonly summary: string;
  readonly description: string;
  readonly operationId: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: 'path' | 'query';
    readonly description: string;
    readonly required: boolean;
    readonly schema: Schema;
  }[];
  /** What generated clients name the parameter that holds the body. */
  readonly 'x-codegen-request-body-name'?: 'body';
  readonly requestBody?: { readonly required: boolean; readonly content: Content & { 'application/json': { readonly example: unknown } } };
  /** By status number. */
  readonly responses: Readonly<Record<string, ResponseObject>>;
}

interface ResponseObject {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>;
  readonly content?: Content;
}

interface Content {
  readonly 'application/json': { readonly schema: Schema };
}

/** As much of OpenAPI 3.0 as ours needs. */
export interface OpenApiDocument {
  readonly openapi: '3.0.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  /** By path, then by method in lower case. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly securitySchemes: object; readonly schemas: Readonly<Record<string, ModelSchema>> };
  readonly security: readonly object[];
}

/** Not a parameter: generators put optional ones between those that are required, and calls written for the original would not fit any more. */
const ONCE =
  'With the header Idempotency-Key (1 to 255 printable ASCII characters, such as a UUID) it may be sent again after a lost answer: for 24 hours the same request with the same key is carried out once, and is answered as it was.';

/** For the same reason no parameter either. */
const POSITION =
  'The answer to a change carries the header Berth-Position. Where several brokers serve, a request to another one that brings this header along is answered with that change in view, within 10 seconds or else with 503.';

/** Without a body that is described, it changes nothing in generated clients. */
const TOO_MANY = {
  description: 'This client, or its address, asks too often; Retry-After says when to ask again.',
  headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } },
} as const;

/** In words, because this version of OpenAPI has no place for the scopes of bearer tokens, and generated clients are to stay what they are. */
const SCOPES =
  'Clients may be registered for some of this only, and tokens asked for with less (scope in the request for a token). What each operation needs stands with it; without that it is answered with 403.';

const REFERENCE = '#/components/schemas/';

export function createDocument(): OpenApiDocument {
  const paths: Record<string, Record<string, OperationObject>> = {};
  for (const operation of operations) {
    paths[operation.path] = { [operation.method.toLowerCase()]: describeOperation(operation) };
  }
  return {
    openapi: '3.0.0',
    info: {
      title: 'DCV Session Manager',
      version: '2023.0',
      description: `Sessions on a fleet of DCV servers, brokered by Berth. ${POSITION} ${SCOPES}`,
    },
    tags: [
      { name: 'sessions', description: 'Create, describe and delete sessions; see what they show.' },
      { name: 'servers', description: 'Describe servers; open them for sessions and close them.' },
      { name: 'sessionPermissions', description: 'Change who may do what in a session.' },
      { name: 'GetSessionConnectionData', description: 'Let someone into a session.' },
      { name: 'history', description: 'See what happened. Only this broker has these operations.' },
    ],
    paths,
    components: { securitySchemes: { bearerAuth: { type: 'http', scheme: 'bearer' } }, schemas: describeModels() },
    security: [{ bearerAuth: [] }],
  };
}

function describeOperation(operation: OperationDescription): OperationObject {
  const errors = Object.entries(operation.errors ?? {}).map(([status, description]) => [status, { description }]);
  return {
    tags: [operation.tag],
    summary: operation.summary,
    description: [operation.description, scopesOf(operation), ...(operation.changes ? [ONCE] : [])].join(' '),
    operationId: operation.id,
    ...(operation.parameters && { parameters: operation.parameters.map(describeParameter) }),
    // The examples of the original's guide call it so: `describe_sessions(body=…)`.
    ...(operation.body && { 'x-codegen-request-body-name': 'body', requestBody: describeBody(operation.body) }),
    responses: {
      '200': { description: 'Done.', content: { 'application/json': { schema: referTo(operation.response) } } },
      ...Object.fromEntries(errors),
      '429': TOO_MANY,
    },
  };
}

const scopesOf = ({ scopes, ofOwners }: OperationDescription): string =>
  `Needs the scope ${scopes.join(' or ')}${ofOwners ? '' : ', and a client that is not bound to one owner'}.`;

const describeParameter = ({ type, ...parameter }: NonNullable<OperationDescription['parameters']>[number]) => ({
  ...parameter,
  required: parameter.in === 'path',
  schema: { type },
});

const describeBody = ({ model, batch, example }: NonNullable<OperationDescription['body']>) => ({
  required: batch,
  content: { 'application/json': { schema: batch ? { type: 'array', items: referTo(model) } : referTo(model), example } },
});

const referTo = (model: z.ZodType): Schema => ({ $ref: `${REFERENCE}${models.get(model)?.id}` });

function describeModels(): Record<string, ModelSchema> {
  const { schemas } = z.toJSONSchema(models, {
    target: 'openapi-3.0',
    io: 'input',
    uri: (id) => `${REFERENCE}${id}`,
    override: ({ jsonSchema, zodSchema }) => {
      // What the parser enforces beyond the original's document stays out of ours.
      for (const key of ['additionalProperties', 'minimum', 'maximum', 'propertyNames'] as const) delete jsonSchema[key];
      // Generators make a model of its own of an `allOf`, and of a plain reference they do not.
      if (jsonSchema.allOf !== undefined) {
        Object.assign(jsonSchema, ...jsonSchema.allOf);
        delete jsonSchema.allOf;
      }
      if (z.globalRegistry.get(zodSchema)?.['nullable'] !== true) delete jsonSchema['nullable'];
    },
  });
  return Object.fromEntries(Object.entries(schemas).map(([name, { $id, ...schema }]) => [name, schema as ModelSchema]));
}
