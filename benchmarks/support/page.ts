import { readFile, writeFile } from 'node:fs/promises';
import { type BenchOptions, type Findings, machine, tableOf } from './report.ts';

const PAGE = new URL('../../../../docs/performance.md', import.meta.url);

/** Puts what a benchmark found into its section of docs/performance.md, in the place of what was there. */
export async function writeSection(name: string, { figures, notes }: Findings, options: BenchOptions): Promise<void> {
  const begin = `<!-- npm run bench:${name} -->`;
  const end = `<!-- end of bench:${name} -->`;
  const page = await readFile(PAGE, 'utf8');
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no section ${begin}`);
  const [header, ...rows] = tableOf(figures);
  const lines = [header ?? [], (header ?? []).map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  const text = [`${machine(options)}.`, ...notes.filter((note) => !note.startsWith('\n'))].join('\n\n');
  await writeFile(PAGE, `${page.slice(0, from)}${begin}\n\n${text}\n\n${lines.join('\n')}\n\n${page.slice(to)}`);
}
