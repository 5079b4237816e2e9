/** The commands of the original's broker for credentials, as part of `berth`: they ask the broker that runs on the data folder. */
import { type Command, InvalidArgumentError } from 'commander';
import { SCOPES } from '../../domain/access/reach.ts';
import { knownScopes, scopeNamed } from '../scopes.ts';

type Actions = typeof import('./access-actions.ts').accessActions;
type Desk = import('./access-actions.ts').Desk;
type ReachFlags = import('./access-actions.ts').ReachFlags;

/** `finish` runs an action and ends the process with its exit code. */
export function addAccessCommands(program: Command, finish: (action: () => Promise<number>) => Promise<void>): void {
  program.commandsGroup('Commands for access, on the machine of the broker:');

  function add<F extends object>(
    name: string,
    description: string,
    act: (actions: Actions, desk: Desk, flags: F) => Promise<string>,
  ): Command {
    const command = program.command(name).description(description);
    command.option('--data-dir <folder>', 'the data folder of the broker (default: ./berth-data)');
    return command.action((flags: F & { readonly dataDir?: string }) =>
      finish(async () => {
        const { accessActions, runAccess } = await import('./access-actions.ts');
        return runAccess(flags, (desk) => act(accessActions, desk, flags));
      }),
    );
  }

  add<{ clientName: string } & ReachFlags>(
    'register-api-client',
    'register a client of the API; its password is shown once',
    (actions, desk, { clientName, ...reach }) => actions.registerApiClient(desk, clientName, reach),
  )
    .requiredOption('--client-name <name>', 'what it is called (also: -cn, --name)')
    .option('--scope <scopes...>', `what it may do (default: everything): ${SCOPES.join(', ')}`, readScope)
    .option('--owner <name>', 'it knows the sessions of this owner only, and nothing else')
    .addHelpText('after', REGISTER_HELP);
  add('describe-api-clients', 'list the clients of the API', (actions, desk) => actions.describeApiClients(desk));
  add<{ clientId: string }>(
    'unregister-api-client',
    'take the access of a client back, that of its tokens too',
    (actions, desk, { clientId }) => actions.unregisterApiClient(desk, clientId),
  ).requiredOption('--client-id <id>', 'its id');
  add<{ url: string; issuer?: string }>(
    'register-auth-server',
    'take tokens of an authorization server elsewhere, from now on',
    (actions, desk, { url, issuer }) => actions.registerAuthServer(desk, url, issuer),
  )
    .requiredOption('--url <url>', 'where it publishes its keys: …/.well-known/jwks.json')
    .option('--issuer <issuer>', 'what its tokens call it (default: the URL up to /.well-known/)');
  add('list-auth-servers', 'list the authorization servers elsewhere whose tokens are taken', (actions, desk) =>
    actions.listAuthServers(desk),
  );
  add<{ url: string }>(
    'unregister-auth-server',
    'take no tokens of an authorization server any more, also of those given out',
    (actions, desk, { url }) => actions.unregisterAuthServer(desk, url),
  ).requiredOption('--url <url>', 'the one it was registered with');
  add('renew-auth-server-api-key', 'sign tokens with a new key; those given out stay good until they expire', (actions, desk) =>
    actions.renewKeys(desk),
  );
  add('generate-software-statement', 'make a permit with which agents enrol; it is shown once', (actions, desk) =>
    actions.generateStatement(desk),
  );
  add('describe-software-statements', 'list the permits with which agents enrol', (actions, desk) => actions.describeStatements(desk));
  add<{ softwareStatement: string }>(
    'deactivate-software-statement',
    'let no more agents enrol with a permit; those that did go on',
    (actions, desk, { softwareStatement }) => actions.deactivateStatement(desk, softwareStatement),
  ).requiredOption('--software-statement <statement>', 'the permit, or its id');
  add('describe-agent-clients', 'list the agents that enrolled', (actions, desk) => actions.describeAgentClients(desk));
  add<{ clientId: string }>('unregister-agent-client', 'take the access of an agent back', (actions, desk, { clientId }) =>
    actions.unregisterAgentClient(desk, clientId),
  ).requiredOption('--client-id <id>', 'its id');
  add<{ filePath: string }>(
    'register-server-dns-mappings',
    'replace the names by which gateways reach servers',
    (actions, desk, { filePath }) => actions.registerDnsMappings(desk, filePath),
  ).requiredOption('--file-path <file>', 'a JSON list of mappings');
  add('describe-server-dns-mappings', 'list the names by which gateways reach servers', (actions, desk) =>
    actions.describeDnsMappings(desk),
  );
  program.commandsGroup('');
}

const REGISTER_HELP = `
Examples:
  $ berth register-api-client --client-name portal --data-dir /var/lib/berth
  $ berth register-api-client --client-name monitor --scope sessions:read audit:read
  $ berth register-api-client --client-name barbara --owner barbara`;

function readScope(text: string, before: readonly string[] | undefined): readonly string[] {
  const scope = scopeNamed(text);
  if (scope === undefined) throw new InvalidArgumentError(`It is not known: ${knownScopes(text)}`);
  return [...(before ?? []).filter((each) => each !== scope), scope];
}

/** The original has a flag that no parser of flags takes: `-cn`. Everywhere else a name is `--name`. */
export const spelledOut = (words: readonly string[]): string[] =>
  words[2] === 'register-api-client' ? words.map((word) => word.replace(/^(?:-cn|--name)(?==|$)/, '--client-name')) : [...words];
