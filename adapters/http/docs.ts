/** `GET /docs`: the API for people, one page made from the OpenAPI document. No script, no font, nothing from anywhere else. */
import { createHash } from 'node:crypto';
import { html, raw } from 'hono/html';
import { renderModel, renderOperation } from './docs-parts.ts';
import { STYLE } from './docs-style.ts';
import type { OpenApiDocument, OperationObject } from './openapi.ts';

/** The page, whole. */
export const createDocs = async (document: OpenApiDocument): Promise<string> => String(await renderPage(document));

/** Nothing may be loaded or run but our own style, which is known by its hash. */
export const DOCS_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

interface Placed {
  readonly method: string;
  readonly path: string;
  readonly operation: OperationObject;
}

const renderPage = (document: OpenApiDocument) => {
  const placed = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Placed => ({ method: method.toUpperCase(), path, operation })),
  );
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${document.info.title} API</title>
<style>${raw(STYLE)}</style>
</head>
<body>
${renderContents(document, placed)}
<main>
<h1>${document.info.title} API</h1>
<p>${document.info.description} Version ${document.info.version} of the API; as OpenAPI: <a href="/dcv-session-manager-api.yaml">dcv-session-manager-api.yaml</a>.</p>
${renderBasics()}
${document.tags.map(({ name, description }) => renderGroup(name, description, placed))}
<h2 id="models">Models</h2>
<p>Every field may be left out; null counts as left out. What is not known is left out of answers, but lists are always there.</p>
${Object.entries(document.components.schemas).map(([name, schema]) => renderModel(name, schema))}
</main>
</body>
</html>
`;
};

const renderContents = (document: OpenApiDocument, placed: readonly Placed[]) => html`<nav aria-label="Contents">
<a href="#basics">Basics</a>
${document.tags.map(
  ({ name }) => html`<h2>${name}</h2>
${placed.filter(({ operation }) => operation.tags[0] === name).map(({ operation }) => html`<a href="#${operation.operationId}">${operation.operationId}</a>`)}`,
)}
<h2>Models</h2>
${Object.keys(document.components.schemas).map((name) => html`<a href="#${name}">${name}</a>`)}
</nav>`;

const renderGroup = (name: string, description: string, placed: readonly Placed[]) => html`<section>
<h2>${name}</h2>
<p>${description}</p>
${placed
  .filter(({ operation }) => operation.tags[0] === name)
  .map(({ method, path, operation }) => renderOperation(`${method} ${path}`, operation))}
</section>`;

const renderBasics = () => html`<section id="basics">
<h2>Basics</h2>
<p>Every operation wants a token. A registered client gets one with its id and password, good for an hour:</p>
<pre>curl -X POST -u "$CLIENT_ID:$CLIENT_PASSWORD" "https://broker:8443/oauth2/token?grant_type=client_credentials"</pre>
<p>and sends it along with each request:</p>
<pre>curl -X POST -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '{}' https://broker:8443/describeSessions</pre>
<p>Operations on lists answer 200 and tell for each item whether it succeeded. A request that is wrong as a whole is answered with
<code>{"error": "…"}</code>:</p>
<table>
<thead><tr><th>Status</th><th>Meaning</th></tr></thead>
<tbody>
<tr><td>400</td><td>The request is not as described; the field at fault is named and nothing was done.</td></tr>
<tr><td>401</td><td>There is no token, or it is not valid, has expired, or its client is not registered any more.</td></tr>
<tr><td>404, 405</td><td>There is no such path, or it takes another method.</td></tr>
<tr><td>409, 422</td><td>The Idempotency-Key is in use right now, or was used for another request.</td></tr>
<tr><td>413</td><td>The body is too large.</td></tr>
<tr><td>429</td><td>This client, or its address, asks too often; try again after as many seconds as Retry-After says.</td></tr>
<tr><td>500</td><td>The broker failed; its log has more under the RequestId given.</td></tr>
<tr><td>503</td><td>The broker is busy; try again after as many seconds as Retry-After says.</td></tr>
</tbody>
</table>
<h3 id="idempotency-key">Sending a request again</h3>
<p>When an answer gets lost, nobody knows whether the sessions were made. Operations that change something take the header
<code>Idempotency-Key</code>, 1 to 255 printable ASCII characters, bare or in double quotes: a new UUID for each new request, and the same for
each repetition.</p>
<pre>curl -X POST -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(uuidgen)" -d '[…]' https://broker:8443/createSessions</pre>
<p>For 24 hours the same client gets the same answer for the same request with the same key, byte for byte, marked by
<code>Idempotency-Replayed: true</code>; also when the broker was restarted in between. Only answers with status 200 are kept: after any other
one the request is carried out by the repetition. Clients generated from the document send the header with
<code>api_client.set_default_header("Idempotency-Key", key)</code> or its like in their language.</p>
</section>`;
