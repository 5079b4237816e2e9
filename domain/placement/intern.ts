/** Many servers say the same things about themselves: what is equal is kept once. */
import type { ServerDescription } from '../server/events.ts';
import { keep } from './bounded.ts';

/** Different values remembered; those that were met first are forgotten, and later equals are then kept beside them. */
const MAX_REMEMBERED = 20_000;

export type Intern = <T>(value: T) => T;

/** Gives the first equal value that it was given (JSON values). Callers treat what they get as read-only. */
export function createIntern(limit = MAX_REMEMBERED): Intern {
  const known = new Map<string, unknown>();
  return <T>(value: T): T => {
    const key = JSON.stringify(value);
    return (known.get(key) ?? keep(known, key, value, limit)) as T;
  };
}

/** A description whose parts are shared with its likes; a part that is unique to a server (an address) stays its own. */
export function shareParts(description: ServerDescription, intern: Intern): ServerDescription {
  return {
    ...description,
    webUrlPath: intern(description.webUrlPath),
    version: intern(description.version),
    agentVersion: intern(description.agentVersion),
    os: intern(description.os),
    cpu: intern(description.cpu),
    gpus: intern(description.gpus),
    endpoints: description.endpoints.map(intern),
    tags: shareTags(description.tags, intern),
  };
}

/** Servers that differ in one tag share the others, and those that differ in none share the list. */
function shareTags(tags: ServerDescription['tags'], intern: Intern): ServerDescription['tags'] {
  return intern(tags.map(intern));
}
