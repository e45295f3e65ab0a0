import { readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { ThreadlineError } from '../core/errors.ts';
import type { Arguments, Flag } from './command.ts';

/** The flags of commands that can write a migration instead of running it. */
export const OUT_FLAGS: Readonly<Record<string, Flag>> = {
  out: { value: 'FILE', about: 'write the SQL to a file (- for standard output) instead of running it' },
  force: { about: 'with --out: replace a file that has other content' },
};

/** Writes SQL to the file of --out, unless it says just that already; returns what to print. */
export async function writeOut(file: string, sql: string, args: Arguments): Promise<string> {
  if (file === '-') return sql;
  const found = await orUndefined(stat(file));
  // A pipe or a device, such as /dev/stdout: nothing to compare with, and nothing to put another file in the place of.
  if (found !== undefined && !found.isFile() && !found.isDirectory()) {
    await writeFile(file, sql);
    return '';
  }
  const present = await orUndefined(readFile(file, 'utf8'));
  if (present === sql) return `${file} is up to date; nothing was written.\n`;
  if (present !== undefined && !args.has('force'))
    throw new ThreadlineError(
      'TL_CLI_FILE_DIFFERS',
      `${file} exists and has other content. A migration that was run stays as it is: write a new file, or pass --force to replace this one`,
    );
  await replaceFile((await orUndefined(realpath(file))) ?? file, sql);
  return `Wrote ${file}.\n`;
}

async function orUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  return found.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** All of the file or nothing, also when the disk is full. */
async function replaceFile(file: string, content: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, content, { flag: 'wx' });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
