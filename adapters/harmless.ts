/** Text that callers chose, on its way to a terminal: nothing in it can steer one. */

/** Control characters and those that turn the direction of a line. */
export const harmless = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '\ufffd');
