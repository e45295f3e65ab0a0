#!/usr/bin/env node
import { runCli } from './run-cli.ts';

// A reader that has enough, such as head, closes the pipe: that is no failure, and hides none.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const { output, problem, exitCode } = await runCli(process.argv.slice(2));
if (output !== '') process.stdout.write(output);
if (problem !== '') process.stderr.write(problem);
process.exitCode = exitCode;
