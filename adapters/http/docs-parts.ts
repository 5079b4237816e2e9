/** The parts of the page for people: one operation, one model. */
import { html } from 'hono/html';
import type { ModelSchema, OperationObject, Schema } from './openapi.ts';

/** `where`: method and path. */
export const renderOperation = (where: string, operation: OperationObject) => html`<article id="${operation.operationId}">
<h3>${operation.summary} <code>${where}</code></h3>
<p>${operation.description}</p>
${operation.parameters ? renderParameters(operation.parameters) : ''}
${operation.requestBody ? renderBody(operation.requestBody) : ''}
${renderResponses(operation.responses)}
</article>`;

export const renderModel = (name: string, schema: ModelSchema) => html`<article id="${name}">
<h3>${name}</h3>
<p>${schema.description}</p>
<table>
<thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead>
<tbody>
${Object.entries(schema.properties).map(
  ([field, type]) => html`<tr><td><code>${field}</code></td><td>${renderType(type)}</td><td>${renderMeaning(type)}</td></tr>
`,
)}</tbody>
</table>
</article>`;

const renderParameters = (parameters: NonNullable<OperationObject['parameters']>) => html`<h4>Parameters</h4>
<table>
<thead><tr><th>Name</th><th>In</th><th>Type</th><th>Meaning</th></tr></thead>
<tbody>
${parameters.map(
  (
    parameter,
  ) => html`<tr><td><code>${parameter.name}</code></td><td>${parameter.in}</td><td>${renderType(parameter.schema)}</td><td>${parameter.description}</td></tr>
`,
)}</tbody>
</table>`;

const renderBody = ({ required, content }: NonNullable<OperationObject['requestBody']>) => {
  const { schema, example } = content['application/json'];
  return html`<h4>Body</h4>
<p>${renderType(schema)}${required ? '' : ', or none'}. For example:</p>
<pre>${JSON.stringify(example, null, 2)}</pre>`;
};

const renderResponses = (responses: OperationObject['responses']) => html`<h4>Answers</h4>
<dl>
${Object.entries(responses).map(
  ([status, { description, content }]) =>
    html`<dt>${status}</dt><dd>${content === undefined ? description : renderType(content['application/json'].schema)}</dd>
`,
)}</dl>`;

/** A model by its link, a list by what it is of, anything else by its name and format. */
function renderType(schema: Schema): ReturnType<typeof html> {
  if (schema.items !== undefined) return html`list of ${renderType(schema.items)}`;
  const model = schema.$ref?.split('/').at(-1);
  if (model !== undefined) return html`<a href="#${model}">${model}</a>`;
  return html`${schema.type}${schema.format === undefined ? '' : ` (${schema.format})`}`;
}

const renderMeaning = ({ description, example, deprecated }: Schema) =>
  html`${deprecated ? html`<em>Deprecated.</em> ` : ''}${description}${example === undefined ? '' : html` For example <code>${example}</code>.`}`;
