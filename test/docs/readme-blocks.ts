import { readFile } from 'node:fs/promises';

/** A fenced block of the README. */
export interface Block {
  /** The line in the README that the block begins at. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

const LANGUAGES = new Set(['js', 'sh', 'text', 'sql']);

/** The fenced blocks of one section of the README, in their order. */
export async function readmeBlocks(heading: string): Promise<readonly Block[]> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const start = readme.indexOf(`\n## ${heading}\n`);
  if (start === -1) throw new Error(`The README has no section ${heading}`);
  const end = readme.indexOf('\n## ', start + 1);
  const blocks = [...readme.slice(0, end === -1 ? undefined : end).matchAll(/^```(\S*)\n(.*?)^```$/gms)]
    .filter(({ index }) => index > start)
    .map(({ index, 1: language = '', 2: text = '' }) => ({
      line: readme.slice(0, index).split('\n').length,
      language,
      text,
    }));
  for (const { line, language } of blocks)
    if (!LANGUAGES.has(language)) throw new Error(`README.md:${line}: nobody knows how to run a block of ${language}`);
  return blocks;
}
