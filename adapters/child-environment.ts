/** What processes that a broker or an agent starts may know of its environment: all but what was meant for it alone, for settings may be passwords. */

type Environment = Readonly<Record<string, string | undefined>>;

/** Settings of a broker, of an agent and of the command line, and where traces go, for which a header may be a password. */
const OURS = /^(?:BERTH|DCV_SM|OTEL)_/;
/** Those of an agent; `BERTH_AGENT_TO_…` is how the broker is told about its door for agents. */
const OF_AGENT = /^BERTH_AGENT_(?!TO_)/;

/** For programs that are told otherwise what they need. */
export const childEnvironment = (environment: Environment = process.env): Environment => without(environment, (name) => OURS.test(name));

/** For an agent that a broker's program starts. */
export const agentEnvironment = (environment: Environment = process.env): Environment =>
  without(environment, (name) => OURS.test(name) && !OF_AGENT.test(name));

const without = (environment: Environment, isLeftOut: (name: string) => boolean): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !isLeftOut(name)));
