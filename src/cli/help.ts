import { COMMON_FLAGS, type Command } from './command.ts';

/** What `threadline --help` prints. */
export function generalHelp(commands: readonly Command[]): string {
  return `Threadline: who changed which row, when and why.

Usage: threadline COMMAND [flags]

Commands
${columns(commands.map(({ name, positionals, about }) => [`${name} ${positionals}`.trim(), about]))}

  threadline COMMAND --help   the flags of a command
  threadline --version        the version of this package

DATABASE_URL says where to connect: postgres://user:password@host:5432/database.
`;
}

/** What `threadline COMMAND --help` prints. */
export function commandHelp({ name, about, positionals, flags, notes }: Command): string {
  const lines = Object.entries({ ...flags, ...COMMON_FLAGS }).map(
    ([flag, { value, about }]) => [`--${flag}${value === undefined ? '' : ` ${value}`}`, about] as const,
  );
  return `threadline ${name}: ${about}

Usage: threadline ${name}${positionals === '' ? '' : ` ${positionals}`} [flags]

${columns(lines)}
${notes === undefined ? '' : `\n${notes}\n`}`;
}

function columns(lines: readonly (readonly [left: string, right: string])[]): string {
  const width = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`).join('\n');
}
