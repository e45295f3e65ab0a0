import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

let project: string;
let manifest: Manifest;

before(async () => {
  manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  project = await mkdtemp(join(tmpdir(), 'threadline-package-'));
  await run('npm', ['run', '--silent', 'build'], { cwd: root });
  const { stdout } = await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', project], {
    cwd: root,
  });
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  await run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefer-offline', `./${stdout.trim()}`], {
    cwd: project,
  });
});

after(() => rm(project, { recursive: true, force: true }));

const subpaths = () => Object.keys(manifest.exports).filter((path) => path !== './package.json');

describe('the packed package, installed into an empty project', () => {
  test('brings nothing along but its own few dependencies', async () => {
    const installed = (await readdir(join(project, 'node_modules'))).filter((name) => !name.startsWith('.'));
    assert.deepEqual(installed.sort(), ['threadline', ...Object.keys(manifest.dependencies)].sort());
  });

  test('imports every subpath without any driver or framework installed', async () => {
    const specifiers = subpaths().map((path) => path.replace('.', 'threadline'));
    const script = `for (const name of ${JSON.stringify(specifiers)}) if (Object.keys(await import(name)).length === 0) throw new Error(name);`;
    await run(process.execPath, ['--input-type=module', '-e', script], { cwd: project });
  });

  test('requires every subpath from CommonJS', async () => {
    const specifiers = subpaths().map((path) => path.replace('.', 'threadline'));
    const script = `for (const name of ${JSON.stringify(specifiers)}) if (Object.keys(require(name)).length === 0) throw new Error(name);`;
    await run(process.execPath, ['--input-type=commonjs', '-e', script], { cwd: project });
  });

  test('shares one store between two copies of itself', async () => {
    const script = `
      const { cp } = await import('node:fs/promises');
      await cp('node_modules/threadline', 'node_modules/second', { recursive: true });
      const first = await import('threadline');
      const second = await import(new URL('./node_modules/second/dist/index.js', 'file://' + process.cwd() + '/').href);
      if (first.currentActor === second.currentActor) throw new Error('that is one copy');
      first.runWithActor(first.actor.user('42'), () => {
        if (second.currentActor()?.id !== '42') throw new Error('two stores');
      });
      try { first.actor.user(''); } catch (error) { if (!second.isThreadlineError(error)) throw new Error('two errors'); }`;
    await run(process.execPath, ['--input-type=module', '-e', script], { cwd: project });
  });

  test('shares its store with a copy in another realm, as Jest gives one to each test file', async () => {
    const script = `
      const { readFile } = await import('node:fs/promises');
      const vm = await import('node:vm');
      const context = vm.createContext({});
      const modules = new Map();
      const load = (specifier, from) => {
        const url = specifier.startsWith('.') ? new URL(specifier, from).href : specifier;
        if (!modules.has(url)) modules.set(url, make(url));
        return modules.get(url);
      };
      const make = async (url) => {
        if (url.startsWith('file:'))
          return new vm.SourceTextModule(await readFile(new URL(url), 'utf8'), { context, identifier: url });
        const exported = await import(url);
        return new vm.SyntheticModule(Object.keys(exported), function () {
          for (const name of Object.keys(exported)) this.setExport(name, exported[name]);
        }, { context });
      };
      const entry = await load(import.meta.resolve('threadline'));
      await entry.link((specifier, { identifier }) => load(specifier, identifier));
      await entry.evaluate();
      const { actor, runWithActor } = entry.namespace;
      const here = await import('threadline');
      if (here.actor === actor) throw new Error('that is one copy');
      runWithActor(actor.user('42'), () => {
        if (here.currentActor()?.id !== '42') throw new Error('two stores');
      });`;
    const flags = ['--experimental-vm-modules', '--no-warnings'];
    await writeFile(join(project, 'realms.mjs'), script);
    await run(process.execPath, [...flags, 'realms.mjs'], { cwd: project });
  });

  test('has a command line that answers', async () => {
    const { stdout } = await run('npx', ['--no-install', 'threadline', '--help'], { cwd: project });
    assert.match(stdout, /^Usage: threadline COMMAND/m);
  });
});

test('no MySQL driver is anywhere in the dependency tree', async () => {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as { packages: object };
  assert.deepEqual(
    Object.keys(lock.packages).filter((path) => /(?:^|\/)(?:mysql2?|mariadb)$/.test(path)),
    [],
  );
});
