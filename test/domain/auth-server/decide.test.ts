/** Authorization servers elsewhere: what may follow, what is decided, and who is trusted then. */
import t from 'tap';
import { type AuthServerCommand, authServerKind } from '../../../domain/auth-server/actor.ts';
import type { AuthServerEvent } from '../../../domain/auth-server/events.ts';
import { createTrustedServers } from '../../../domain/auth-server/trusted.ts';
import { storiesOf, testTables } from '../given.ts';

const server = { url: 'https://a/.well-known/jwks.json', issuer: 'https://a' };
const registered = { type: 'auth-server.registered', data: server } as const;
const unregistered = { type: 'auth-server.unregistered', data: {} } as const;

testTables<typeof authServerKind.machine, AuthServerCommand, AuthServerEvent>(
  authServerKind,
  {
    states: { strange: [], trusted: [registered] },
    events: { 'auth-server.registered': registered, 'auth-server.unregistered': unregistered },
    commands: { register: { type: 'register', server }, unregister: { type: 'unregister' } },
  },
  {
    follows: `
      fact                     | strange | trusted
      auth-server.registered   | trusted | trusted
      auth-server.unregistered |         | strange
    `,
    decides: `
      command    | strange        | trusted
      register   | registered     |
      unregister | NOT_REGISTERED | unregistered
    `,
  },
);

const story = storiesOf<typeof authServerKind.machine, AuthServerCommand, AuthServerEvent>(authServerKind);
const renamed = { ...server, issuer: 'https://b' };
story('a server is given another issuer by registering it again', (given) =>
  given(registered).when({ type: 'register', server: renamed }).decides({ type: 'auth-server.registered', data: renamed }),
);

t.test('a server is trusted from fact to fact, in one name at a time', (t) => {
  const trusted = createTrustedServers();
  t.same(trusted.of('https://a'), []);
  trusted.apply('1', registered);
  t.same([trusted.of('https://a'), trusted.of('https://a/'), trusted.of('https://a//'), trusted.of('')], [[server], [server], [], []]);
  trusted.apply('1', { type: 'auth-server.registered', data: renamed });
  t.same([trusted.of('https://a'), trusted.of('https://b'), trusted.all()], [[], [renamed], [renamed]]);
  trusted.apply('1', unregistered);
  trusted.apply('1', unregistered);
  t.same(trusted.all(), []);
  t.end();
});
