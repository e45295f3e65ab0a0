import { createRequire } from 'node:module';
import { type Command, parseArguments, usageError } from './command.ts';
import { commandHelp, generalHelp } from './help.ts';
import { historyCommand } from './history.ts';
import { installCommand } from './install.ts';
import { describeProblem } from './problem.ts';
import { timelineCommand } from './timeline.ts';
import { triggersCommand } from './triggers.ts';
import { uninstallTriggersCommand } from './uninstall-triggers.ts';

/** The commands, in the order in which the help lists them. */
const COMMANDS: readonly Command[] = [
  installCommand,
  triggersCommand,
  uninstallTriggersCommand,
  timelineCommand,
  historyCommand,
];

/** What a run prints and how it ends: 0, 1 when the work failed, 2 when it was asked for wrongly. */
export interface CliResult {
  readonly output: string;
  readonly problem: string;
  readonly exitCode: 0 | 1 | 2;
}

/** Runs the command line with the arguments that follow the program's name. */
export async function runCli(args: readonly string[]): Promise<CliResult> {
  try {
    return { output: await outputOf(args), problem: '', exitCode: 0 };
  } catch (error) {
    return { output: '', ...describeProblem(error) };
  }
}

async function outputOf([name, ...args]: readonly string[]): Promise<string> {
  if (name === '--help' || name === '-h' || name === 'help') return generalHelp(COMMANDS);
  if (name === '--version' || name === '-v') return `${packageVersion()}\n`;
  const command = COMMANDS.find((known) => known.name === name);
  if (command === undefined) throw usageError(name === undefined ? 'No command was given' : `Unknown command ${name}`);
  const parsed = parseArguments(command, args);
  return parsed.has('help') ? commandHelp(command) : command.run(parsed);
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string };
  return version;
}
