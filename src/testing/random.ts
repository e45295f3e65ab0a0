/** Numbers that look random and follow from a seed. */
export interface Random {
  /** A whole number from 0 to below `bound`. */
  below(bound: number): number;
  /** True `percent` times out of a hundred. */
  chance(percent: number): boolean;
}

/** The same seed gives the same numbers, on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const below = (bound: number) => next() % bound;
  return { below, chance: (percent) => below(100) < percent };
}
