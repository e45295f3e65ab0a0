// Installs the dependencies where they are missing or older than the lock file, so that every
// command of this package works on a fresh clone.
import { execFileSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const installed = join(root, 'node_modules', '.package-lock.json');
const wanted = join(root, 'package-lock.json');

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(wanted).mtimeMs) {
  process.stderr.write('Installing dependencies (once) …\n');
  // Not `npm ci`: it refuses a lock file that lacks the packages of other platforms, which some
  // registries do not carry. This installs the versions of the lock file as well, and saves nothing.
  execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  // npm leaves the file as it is where there was nothing to do.
  utimesSync(installed, new Date(), new Date());
}
