/** What a DCV server is told about a connection token: a line of XML, with status 200 whichever way it goes. */

const HEADERS = { 'content-type': 'text/xml; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** The same whatever was wrong: who is turned away at a door learns nothing about what would open it. */
const NO = '<auth result="no"><message>Authentication failed</message></auth>';

/** Undefined for a name that XML cannot hold. */
export function yes(user: string): Response | undefined {
  if (user === '' || OUTSIDE_XML.test(user)) return undefined;
  return new Response(`<auth result="yes"><username>${escaped(user)}</username></auth>`, { headers: HEADERS });
}

export const no = (status = 200, headers: Record<string, string> = {}): Response =>
  new Response(NO, { status, headers: { ...HEADERS, ...headers } });

/** Characters that no XML 1.0 document can hold, not even escaped: most control characters, halves of pairs, U+FFFE and U+FFFF. */
const OUTSIDE_XML = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

/** Line ends too, which a reader would change. */
const escaped = (text: string): string => text.replaceAll(/[&<>"'\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
