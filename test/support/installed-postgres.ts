import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Where Debian's packages put each major version. */
const INSTALLATIONS = '/usr/lib/postgresql';

/** The folder of the newest PostgreSQL that is installed on this machine, server and client programs, or undefined. */
export async function installedPostgres(): Promise<string | undefined> {
  const versions = await readdir(INSTALLATIONS).catch(() => []);
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(INSTALLATIONS, version))
    .find((folder) => ['postgres', 'initdb', 'pg_dump'].every((name) => existsSync(join(folder, 'bin', name))));
}
