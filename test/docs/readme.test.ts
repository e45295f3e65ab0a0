import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { createTestDatabase } from '../support/database.ts';
import { freePort } from '../support/postgres-server.ts';
import { type Block, readmeBlocks } from './readme-blocks.ts';
import { createUserProject } from './user-project.ts';

const manifest: { name: string; version: string; scripts: object } = JSON.parse(
  await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
);
const TARBALL = `/path/to/${manifest.name}-${manifest.version}.tgz`;

describe('the quick start of the README, followed block by block', { skip: withoutCurl() }, async () => {
  const blocks = await readmeBlocks('Quick start');
  const database = await createTestDatabase();
  const project = await createUserProject({ DATABASE_URL: database.url });
  const port = await freePort();
  let printed = '';

  const follow: Readonly<Record<string, (text: string) => Promise<unknown>>> = {
    js: (text) => project.write(nameOfFile(text), text),
    sh: async (text) => {
      const command = text.trim();
      if (command.startsWith('npm install ')) return project.install(packagesOf(command));
      if (command === 'node app.mjs') return project.serve(command, port);
      printed = await project.shell(text);
      return undefined;
    },
    text: async (text) => assert.deepEqual(withoutChance(printed), withoutChance(text)),
    sql: async (text) => {
      const { rows } = await database.admin.query(text);
      assert.deepEqual(
        rows.map(({ who, reason, op }) => [who, reason, op]),
        [
          ['tidy', 'house style', 'update'],
          ['grace', null, 'update'],
          ['ada', null, 'insert'],
        ],
      );
    },
  };

  for (const block of blocks)
    test(`README.md:${block.line} ${titleOf(block)}`, async () => {
      await follow[block.language]?.(block.text.replaceAll('3000', String(port)));
    });
});

test('the README shows the commands that the package has', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const named = [...readme.matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1] ?? '');
  assert.ok(named.includes('demo'));
  for (const name of named) assert.ok(name in manifest.scripts, name);
});

test('every file that the README and CONTRIBUTING name is there', async () => {
  for (const page of ['README.md', 'CONTRIBUTING.md']) {
    const text = await readFile(new URL(`../../${page}`, import.meta.url), 'utf8');
    const paths = [...text.matchAll(/`((?:docs|test|src|examples)\/[\w./-]+)`/g)].map((match) => match[1] ?? '');
    assert.ok(paths.length > 0);
    for (const path of paths)
      await assert.doesNotReject(stat(new URL(`../../${path}`, import.meta.url)), `${page} names ${path}`);
  }
});

function nameOfFile(text: string): string {
  const name = /^\/\/ (\w+\.mjs)\n/.exec(text)?.[1];
  assert.ok(name, 'a block of js begins with the name of its file');
  return name;
}

function packagesOf(command: string): readonly string[] {
  const [tarball, ...packages] = command.split(' ').slice(2);
  assert.equal(tarball, TARBALL);
  return packages;
}

function titleOf({ language, text }: Block): string {
  return `${language}: ${text.split('\n')[0]}`;
}

/** Lines whose times and generated ids are all alike. */
function withoutChance(text: string): readonly string[] {
  return text
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '00000000-0000-0000-0000-000000000000')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/g, '0000-00-00 00:00:00.000')
    .trim()
    .split('\n');
}

function withoutCurl(): string | false {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'SKIPPED: curl is not installed (Debian: apt-get install curl)';
  }
}
