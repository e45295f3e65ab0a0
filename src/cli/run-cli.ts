import { createRequire } from 'node:module';
import { type Command, type Outcome, parseArguments, usageError } from './command.ts';
import { commandHelp, generalHelp } from './help.ts';
import { historyCommand } from './history.ts';
import { installCommand } from './install.ts';
import { describeProblem } from './problem.ts';
import { timelineCommand } from './timeline.ts';
import { triggersCommand } from './triggers.ts';
import { uninstallTriggersCommand } from './uninstall-triggers.ts';
import { verifyCommand } from './verify.ts';

/** The commands, in the order in which the help lists them. */
const COMMANDS: readonly Command[] = [
  installCommand,
  triggersCommand,
  uninstallTriggersCommand,
  verifyCommand,
  timelineCommand,
  historyCommand,
];

/** What a run prints and how it ends: 0, 1 when the work failed or found something wrong, 2 when it was asked for wrongly. */
export interface CliResult {
  readonly output: string;
  readonly problem: string;
  readonly exitCode: 0 | 1 | 2;
}

/** Runs the command line with the arguments that follow the program's name. */
export async function runCli(args: readonly string[]): Promise<CliResult> {
  try {
    const outcome = await outcomeOf(args);
    return { problem: '', ...(typeof outcome === 'string' ? { output: outcome, exitCode: 0 } : outcome) };
  } catch (error) {
    return { output: '', ...describeProblem(error) };
  }
}

async function outcomeOf([name, ...args]: readonly string[]): Promise<string | Outcome> {
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
