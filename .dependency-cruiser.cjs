/** Which folder may know which. Types count too; see the code map in ARCHITECTURE.md. */

const product = '^(domain|projections|adapters|agent)/';
const builtIn = ['core'];
const library = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-bundled', 'npm-no-pkg', 'npm-unknown'];

/** One rule: what is in `from` must not reach `to`, and why. */
const forbid = (name, comment, from, to) => ({ name, severity: 'error', comment, from, to });

module.exports = {
  forbidden: [
    forbid('no-cycles', 'A cycle means that two files are one idea, or that a type is in the wrong place.', {}, { circular: true }),
    forbid('resolvable', 'What cannot be found cannot be run.', {}, { couldNotResolve: true }),
    forbid(
      'domain-knows-domain',
      'What is true does not depend on how it is kept or asked.',
      { path: '^domain/' },
      { path: '^(projections|adapters|agent)/' },
    ),
    forbid(
      'domain-libraries',
      'The domain is plain TypeScript and XState.',
      { path: '^domain/' },
      { dependencyTypes: library, pathNot: '^node_modules/xstate/' },
    ),
    forbid('domain-no-world', 'Time, randomness and files come in through ports.', { path: '^domain/' }, { dependencyTypes: builtIn }),
    forbid('projections-know-domain', 'Read models fold facts.', { path: '^projections/' }, { path: '^(adapters|agent)/' }),
    forbid(
      'projections-libraries',
      'Read models are written with Kysely.',
      { path: '^projections/' },
      { dependencyTypes: library, pathNot: '^node_modules/kysely/' },
    ),
    forbid(
      'adapters-do-not-know-the-agent',
      'The broker and the agent meet on the wire; only the command line starts both.',
      { path: '^adapters/', pathNot: '^adapters/cli/' },
      { path: '^agent/' },
    ),
    forbid(
      'agent-knows-the-wire',
      'The agent is a program of its own: of the adapters it shares what both sides say on the wire.',
      { path: '^agent/' },
      {
        path: '^(projections|adapters)/',
        pathNot: '^adapters/(wire/|wire\\.ts|files\\.ts|(child-environment|logging|suggest)\\.ts|system\\.ts)',
      },
    ),
    forbid('product-without-tests', 'What is shipped does not know its tests.', { path: product }, { path: '^(test|bench)/' }),
    forbid(
      'product-without-tools',
      'What is shipped runs without the development tools.',
      { path: product },
      { dependencyTypes: ['npm-dev'] },
    ),
    forbid('declared', 'A library is used only if package.json names it.', {}, { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] }),
  ],
  options: {
    doNotFollow: { path: '^(node_modules|dist)/' },
    exclude: { path: ['^dist/', '^bench/emmett/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
};
