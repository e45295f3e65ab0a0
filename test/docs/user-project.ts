import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** An empty folder in which somebody follows the README. */
export interface UserProject {
  /** Installs a compiled Threadline and the named packages, and nothing else. */
  install(packages: readonly string[]): Promise<void>;
  write(file: string, text: string): Promise<void>;
  /** Runs lines of shell and resolves to what they print. */
  shell(script: string): Promise<string>;
  /** Starts a command that goes on running until the tests are done, and waits until it listens on the port. */
  serve(command: string, port: number): Promise<void>;
}

/** Makes such a folder; it is removed when the tests of the file are done. */
export async function createUserProject(env: Readonly<Record<string, string>>): Promise<UserProject> {
  const directory = await mkdtemp(join(tmpdir(), 'threadline-readme-'));
  const environment = { ...process.env, ...env };
  const servers: ChildProcess[] = [];
  // Registered here and not where a server starts: within a test it would run at that test's end.
  after(async () => {
    for (const server of servers) server.kill();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    install: (packages) => installInto(directory, packages),
    write: (file, text) => writeFile(join(directory, file), text),
    shell: async (script) =>
      (await run('bash', ['-euo', 'pipefail', '-c', script], { cwd: directory, env: environment })).stdout,
    serve: async (command, port) => {
      const [program = '', ...args] = command.split(' ');
      const child = spawn(program, args, { cwd: directory, env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
      servers.push(child);
      await listening(port, () => child.exitCode !== null);
    },
  };
}

async function installInto(directory: string, packages: readonly string[]): Promise<void> {
  const modules = join(directory, 'node_modules');
  const own = join(modules, 'threadline');
  await mkdir(join(modules, '.bin'), { recursive: true });
  await mkdir(own);
  await run(process.execPath, [compiler(), '-p', join(root, 'tsconfig.build.json'), '--outDir', join(own, 'dist')]);
  await cp(join(root, 'package.json'), join(own, 'package.json'));
  const manifest: { dependencies: object; bin: { threadline: string } } = JSON.parse(
    await readFile(join(own, 'package.json'), 'utf8'),
  );
  for (const name of new Set([...packages, ...Object.keys(manifest.dependencies)])) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(root, 'node_modules', name), join(modules, name));
  }
  await symlink(join(own, manifest.bin.threadline), join(modules, '.bin', 'threadline'));
  await run('chmod', ['+x', join(own, manifest.bin.threadline)]);
}

function compiler(): string {
  return join(root, 'node_modules', 'typescript', 'bin', 'tsc');
}

async function listening(port: number, hasEnded: () => boolean): Promise<void> {
  for (;;) {
    const socket = connect(port, 'localhost');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    if (hasEnded()) throw new Error('The server of the README ended before it listened');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
