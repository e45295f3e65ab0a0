import type { Random } from './random.ts';

/** One step of a random program. Labels and names are unique in the whole run. */
export type Step =
  | { readonly kind: 'insert'; readonly label: string }
  /** A lazy query, built in the context of `builder` and awaited here. */
  | { readonly kind: 'lazy'; readonly label: string; readonly builder: string }
  | { readonly kind: 'read' }
  /** A statement that fails. */
  | { readonly kind: 'failure' }
  /** Steps under another actor; undefined for nobody. */
  | { readonly kind: 'as'; readonly actor: string | undefined; readonly steps: readonly Step[] }
  | { readonly kind: 'transaction'; readonly kept: boolean; readonly steps: readonly Step[] }
  | {
      readonly kind: 'savepoint';
      readonly name: string;
      readonly how: 'driver' | 'sql';
      readonly kept: boolean;
      readonly steps: readonly Step[];
    };

/** What a program is made of. */
export interface ProgramOptions {
  readonly worker: number;
  readonly random: Random;
  readonly lazy: boolean;
  readonly nested: boolean;
  /** How many statements at least. */
  readonly statements: number;
}

const MAX_DEPTH = 5;

/** Writes the program of one worker. */
export function writeProgram({ worker, random, lazy, nested, statements }: ProgramOptions): readonly Step[] {
  let count = 0;
  const label = () => {
    count += 1;
    return `w${worker}-${count}`;
  };
  const actorName = () => `${worker}.${random.below(4)}`;

  const step = (depth: number, inTransaction: boolean, actor: string | undefined): Step => {
    const block = depth < MAX_DEPTH ? random.below(100) : 100;
    if (block < 15) {
      const next = random.chance(20) ? undefined : actorName();
      return { kind: 'as', actor: next, steps: steps(depth, inTransaction, next) };
    }
    if (block < 30) {
      const kept = random.chance(70);
      if (!inTransaction) return { kind: 'transaction', kept, steps: steps(depth, true, actor) };
      const how = nested && random.chance(50) ? 'driver' : 'sql';
      return { kind: 'savepoint', name: `s${label().replace('-', '_')}`, how, kept, steps: steps(depth, true, actor) };
    }
    const statement = random.below(100);
    if (statement < 15) {
      count += 1;
      return { kind: 'read' };
    }
    // A failed transaction takes no more statements until something is rolled back: so only on its own.
    if (statement < 20 && !inTransaction) {
      count += 1;
      return { kind: 'failure' };
    }
    // A lazy query awaited in no context takes the one it was built in, which not every driver can do.
    if (statement < 50 && lazy && actor !== undefined) return { kind: 'lazy', label: label(), builder: actorName() };
    return { kind: 'insert', label: label() };
  };
  const steps = (depth: number, inTransaction: boolean, actor: string | undefined): readonly Step[] =>
    Array.from({ length: 1 + random.below(4) }, () => step(depth + 1, inTransaction, actor));

  const program: Step[] = [];
  while (count < statements) program.push(step(0, false, undefined));
  return program;
}

/** Who each label belongs to, undefined for nobody; also of what is rolled back. */
export function actorsOf(
  steps: readonly Step[],
  actor?: string | undefined,
  found: Map<string, string | undefined> = new Map(),
): Map<string, string | undefined> {
  for (const step of steps) {
    if (step.kind === 'insert' || step.kind === 'lazy') found.set(step.label, actor);
    else if (step.kind === 'as') actorsOf(step.steps, step.actor, found);
    else if ('steps' in step) actorsOf(step.steps, actor, found);
  }
  return found;
}
