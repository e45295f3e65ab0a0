// Writes down the public types of every entry point, so that they change only on purpose.
// `--check` compares instead, and fails where they differ. Needs a build.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const snapshot = join(root, 'test', 'package', 'public-api.snapshot.txt');

type Exports = Record<string, string | { readonly types: string }>;
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Exports };
const entries = Object.values(manifest.exports).flatMap((entry) =>
  typeof entry === 'string' ? [] : [join(root, entry.types)],
);

/** The declaration files that are reachable from the entry points: nothing else is public. */
function reachable(files: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  const queue = [...files];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g))
      queue.push(join(dirname(file), String(path).replace(/\.(?:ts|js)$/, '.d.ts')));
  }
  return [...seen].sort();
}

const text = reachable(entries)
  .map(
    (file) =>
      `// ${relative(root, file)}\n${readFileSync(file, 'utf8')
        .replace(/\/\/# sourceMappingURL.*\n?/, '')
        .trim()}\n`,
  )
  .join('\n');

if (!process.argv.includes('--check')) {
  writeFileSync(snapshot, text);
} else if (!existsSync(snapshot) || readFileSync(snapshot, 'utf8') !== text) {
  process.stderr.write('The public types differ from the snapshot. If that is on purpose: npm run api\n');
  process.exitCode = 1;
}
