import { type ParseArgsConfig, parseArgs } from 'node:util';
import { ThreadlineError } from '../core/errors.ts';

/** A flag of a command; one without a value is either there or not. */
export interface Flag {
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly about: string;
}

/** One command of the command line. */
export interface Command {
  readonly name: string;
  readonly about: string;
  /** The arguments besides flags, as the help shows them; '' for none. */
  readonly positionals: string;
  readonly flags: Readonly<Record<string, Flag>>;
  /** More lines for the help of this command. */
  readonly notes?: string;
  /** Does the work and returns what to print, with an exit code where that is not 0. */
  run(args: Arguments): Promise<string | Outcome>;
}

/** What a command prints, where it ends in a failure without an error. */
export interface Outcome {
  readonly output: string;
  readonly exitCode: 0 | 1;
}

/** The arguments of one run, by the names of the flags. */
export interface Arguments {
  readonly positionals: readonly string[];
  has(flag: string): boolean;
  /** The value of a flag, or undefined where it was not given. */
  value(flag: string): string | undefined;
}

/** The flags that every command has. */
export const COMMON_FLAGS: Readonly<Record<string, Flag>> = {
  schema: { value: 'NAME', about: 'the schema that Threadline is in; threadline by default' },
  help: { about: 'show this help' },
};

/** An error of whoever typed the command. */
export function usageError(message: string, command?: Command): ThreadlineError {
  const help = command === undefined ? 'threadline --help' : `threadline ${command.name} --help`;
  return new ThreadlineError('TL_CLI_USAGE', `${message}. See ${help}`);
}

/** Reads the arguments of a command, and refuses what it does not know. */
export function parseArguments(command: Command, args: readonly string[]): Arguments {
  const flags = { ...command.flags, ...COMMON_FLAGS };
  const options: NonNullable<ParseArgsConfig['options']> = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, { type: flag.value === undefined ? 'boolean' : 'string' }]),
  );
  const config = { args: [...args], options, allowPositionals: true, strict: true, tokens: true } as const;
  const { values, positionals, tokens } = parse(command, config);
  const given = tokens.flatMap((token) => (token.kind === 'option' && token.value !== undefined ? [token.name] : []));
  // Of two lists of tables, the first would otherwise go unnoticed.
  const repeated = given.find((name, index) => given.indexOf(name) < index);
  if (repeated !== undefined)
    throw usageError(`--${repeated} is there more than once; give it once, a list with commas between`, command);
  if (positionals.length > 0 && command.positionals === '')
    throw usageError(`threadline ${command.name} takes flags only, not ${JSON.stringify(positionals[0])}`, command);
  return {
    positionals,
    has: (flag) => values[flag] !== undefined,
    value: (flag) => {
      const value = values[flag];
      return typeof value === 'string' ? value : undefined;
    },
  };
}

function parse<Config extends ParseArgsConfig>(command: Command, config: Config): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    // Of Node's two sentences the second is about arguments that begin with a dash.
    throw usageError(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error), command);
  }
}
