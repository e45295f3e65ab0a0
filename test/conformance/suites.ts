import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The test files in a folder that run the conformance suite. */
export async function conformanceSuites(folder: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.name.endsWith('.test.ts') && /await conform[<(]/.test(await readFile(path, 'utf8'))) files.push(path);
  }
  return files.sort();
}
