/** Completion for shells, made from the tree of commands and flags itself, so that it never knows others than the program does. */
import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Flag {
  /** `--data-dir` */
  readonly name: string;
  readonly description: string;
  readonly value: 'none' | 'file' | 'folder' | 'text' | readonly string[];
}

interface Node {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly Flag[];
}

/** To be sourced by the shell, or put where it looks for completions. */
export function completionScript(program: Command, shell: Shell): string {
  const help = program.createHelp();
  const root = { name: '', description: '', flags: flagsOf(program) };
  const commands = help.visibleCommands(program).map((command) => ({
    name: command.name(),
    description: command.description(),
    flags: command.name() === 'help' ? [] : flagsOf(command),
  }));
  return WRITERS[shell](program.name(), [root, ...commands]);
}

const flagsOf = (command: Command): readonly Flag[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({ name: option.long ?? '', description: option.description, value: valueKind(option) }));

function valueKind({ required, flags, argChoices }: Option): Flag['value'] {
  if (argChoices !== undefined) return argChoices;
  if (flags.includes('<file>')) return 'file';
  if (flags.includes('<folder>')) return 'folder';
  return required ? 'text' : 'none';
}

type Writer = (program: string, nodes: readonly Node[]) => string;

interface Value {
  readonly kind: Exclude<Flag['value'], 'none'>;
  /** `create-session:--type`, for every flag that takes such a value; those before the command begin with the colon. */
  readonly flags: readonly string[];
}

function valuesOf(nodes: readonly Node[]): readonly Value[] {
  const all = nodes.flatMap((node) => node.flags.map(({ name, value }) => ({ flag: `${node.name}:${name}`, value })));
  const kinds = new Map(all.map(({ value }) => [String(value), value]));
  return [...kinds].flatMap(([key, kind]) =>
    kind === 'none' ? [] : [{ kind, flags: all.filter(({ value }) => String(value) === key).map(({ flag }) => flag) }],
  );
}

const commandsOf = (nodes: readonly Node[]): readonly Node[] => nodes.filter(({ name }) => name !== '');
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const bash: Writer = (program, nodes) => {
  const words = (list: readonly string[]) => `$'${list.join('\\n')}'`;
  const reply = (choice: string) => `COMPREPLY=($(compgen ${choice} -- "$word"))`;
  const byValue = { file: '-f', folder: '-d', text: '-W ""' };
  const values = valuesOf(nodes).map(({ kind, flags }) => {
    const choice = typeof kind === 'string' ? byValue[kind as 'file'] : `-W ${words(kind)}`;
    return `    ${flags.join('|')}) ${reply(choice)}; return ;;`;
  });
  const names = commandsOf(nodes).map(({ name }) => name);
  const cases = nodes.map((node) => {
    const list = [...(node.name === '' ? names : []), ...node.flags.map(({ name }) => name)];
    return `    ${node.name || "''"}) ${reply(`-W ${words(list)}`)} ;;`;
  });
  return `# Completion of ${program} for bash: source <(${program} completion bash)
_${program}() {
  local IFS=$'\\n' word=\${COMP_WORDS[COMP_CWORD]} command='' index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case \${COMP_WORDS[index]} in
      ${names.join('|')}) command=\${COMP_WORDS[index]}; break ;;
    esac
  done
  case $command:\${COMP_WORDS[COMP_CWORD - 1]} in
${values.join('\n')}
  esac
  case $command in
${cases.join('\n')}
  esac
}
complete -o filenames -F _${program} ${program} dcvsm
`;
};

const zsh: Writer = (program, nodes) => {
  const described = ({ name, description }: Pick<Flag, 'name' | 'description'>) => quoted(`${name}:${description.replaceAll(':', '\\:')}`);
  const byValue = { file: '_files', folder: '_files -/', text: '' };
  const values = valuesOf(nodes).map(({ kind, flags }) => {
    const act = typeof kind === 'string' ? byValue[kind as 'file'] : `compadd -- ${kind.join(' ')}`;
    return `    (${flags.join('|')}) ${act}; return ;;`;
  });
  const names = commandsOf(nodes).map(({ name }) => name);
  const cases = nodes.map((node) => {
    const flags = `flags=(${node.flags.map(described).join(' ')}); _describe -o flag flags`;
    const commands = node.name === '' ? `commands=(${commandsOf(nodes).map(described).join(' ')}); _describe command commands; ` : '';
    return `    (${node.name || "''"}) ${commands}${flags} ;;`;
  });
  return `#compdef ${program} dcvsm
# Completion of ${program} for zsh: source <(${program} completion zsh)
_${program}() {
  local -a commands flags
  local command='' word
  for word in \${words[2,CURRENT-1]}; do
    case $word in
      (${names.join('|')}) command=$word; break ;;
    esac
  done
  case $command:\${words[CURRENT-1]} in
${values.join('\n')}
  esac
  case $command in
${cases.join('\n')}
  esac
}
compdef _${program} ${program} dcvsm
`;
};

const fish: Writer = (program, nodes) => {
  const byValue = { none: '', file: ' -r -F', folder: " -x -a '(__fish_complete_directories)'", text: ' -x' };
  const lines = nodes.flatMap((node) => {
    const when = node.name === '' ? '__fish_use_subcommand' : quoted(`__fish_seen_subcommand_from ${node.name}`);
    return node.flags.map(({ name, description, value }) => {
      const kind = typeof value === 'string' ? byValue[value as 'none'] : ` -x -a ${quoted(value.join(' '))}`;
      return `complete -c ${program} -n ${when} -l ${name.slice(2)}${kind} -d ${quoted(description)}`;
    });
  });
  const commands = commandsOf(nodes).map(
    ({ name, description }) => `complete -c ${program} -n __fish_use_subcommand -f -a ${name} -d ${quoted(description)}`,
  );
  return `# Completion of ${program} for fish: ${program} completion fish | source
complete -c ${program} -f
${[...commands, ...lines].join('\n')}
complete -c dcvsm -w ${program}
`;
};

const WRITERS: Readonly<Record<Shell, Writer>> = { bash, zsh, fish };
