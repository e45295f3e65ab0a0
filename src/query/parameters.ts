/** The parameters of one statement while its text is written. Every value travels as text, whatever the driver. */
export interface Parameters {
  readonly values: readonly (string | null)[];
  /** Adds a value and returns the SQL that stands for it, of type text. */
  add(value: string): string;
}

/** Begins an empty list of parameters. */
export function newParameters(): Parameters {
  const values: string[] = [];
  return {
    values,
    add: (value) => `$${values.push(value)}::pg_catalog.text`,
  };
}
