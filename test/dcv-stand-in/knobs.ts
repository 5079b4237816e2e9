/** How a stand-in for the DCV server is provoked: a file in its folder, read anew by every call, so that a running agent can be surprised. */

/** What a command does instead of its work. `left`: it works, and leaves something behind that holds its output open. */
export type Ailment = 'hang' | 'die' | 'flood' | 'shout' | 'nonsense' | 'fail' | 'left';

export interface Knobs {
  /** Whether `dcvserver` runs. */
  readonly running: boolean;
  /** `old`: without what newer versions added. `oldest`: without counts and times, too. */
  readonly shape: 'new' | 'old' | 'oldest';
  /** Whether this version prints sessions and connections as JSON, and describes them so. */
  readonly json: boolean;
  readonly describeJson: boolean;
  /** Whether ids stand in quotation marks in text. */
  readonly quoted: boolean;
  /** Whether it prints pictures. */
  readonly screenshotJson: boolean;
  /** Whether who calls is among the administrators of dcv.conf. */
  readonly administrator: boolean;
  /** Null: it knows everybody. */
  readonly localUsers: readonly string[] | null;
  readonly maxSessions: number | null;
  readonly version: string;
  /** Null: it does not know the flag. */
  readonly endpoints: unknown;
  /** Starts init programs, as the user who calls. */
  readonly runsInit: boolean;
  /** By command. */
  readonly delayMs: Readonly<Partial<Record<string, number>>>;
  readonly ailments: Readonly<Partial<Record<string, Ailment>>>;
}

export const HEALTHY: Knobs = {
  running: true,
  shape: 'new',
  json: true,
  describeJson: true,
  quoted: true,
  screenshotJson: true,
  administrator: true,
  localUsers: null,
  maxSessions: null,
  version: 'Amazon DCV 2024.0 (r18131)',
  endpoints: [
    { 'ip-address': '0.0.0.0', port: 8443, protocol: 'http', 'web-url-path': '/' },
    { 'ip-address': '0.0.0.0', port: 8443, protocol: 'quic' },
  ],
  runsInit: false,
  delayMs: {},
  ailments: {},
};
