/**
 * How a program is started in a virtual session: by an init program of its own, which starts it and then becomes the init program that the session would
 * have had. The DCV server runs init programs as the owner of the session, on its display.
 */

/** Absolute paths. `initPath` is what brings up the desktop. */
export interface Autorun {
  readonly autorunPath: string;
  readonly parameters: readonly string[];
  readonly initPath: string;
}

/** For `/bin/sh` of any system. */
export function autorunScript({ autorunPath, parameters, initPath }: Autorun): string {
  return `#!/bin/sh
# Made by the agent of the session manager for one session, and removed when that is over.
${[autorunPath, ...parameters].map(quoted).join(' ')} </dev/null &
exec ${quoted(initPath)} "$@"
`;
}

/** Between single quotation marks nothing means anything to the shell but the next of them. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
