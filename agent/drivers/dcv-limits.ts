/** How long calls of `dcv` may take and how much they may print. */
import type { CommandLimits } from './dcv-command.ts';

const MEBIBYTE = 1024 * 1024;

export const READ: CommandLimits = { timeoutMs: 8000, maxBytes: MEBIBYTE };
/** Of what is there: closing a session, changing its permissions. */
export const CHANGE: CommandLimits = { timeoutMs: 10_000, maxBytes: MEBIBYTE };
/** A desktop has to start for it. */
export const CREATE: CommandLimits = { timeoutMs: 30_000, maxBytes: MEBIBYTE };
/** A picture in base64, as large as the broker takes. */
export const PICTURE: CommandLimits = { timeoutMs: 10_000, maxBytes: 12 * MEBIBYTE };
