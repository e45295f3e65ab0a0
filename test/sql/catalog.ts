import type pg from 'pg';

/** Every row of the catalog that an installation could write, with the transaction that wrote it last. */
export async function catalogOf(pool: pg.Pool): Promise<readonly unknown[]> {
  const tables = [
    'pg_namespace',
    'pg_class',
    'pg_attribute',
    'pg_proc',
    'pg_trigger',
    'pg_index',
    'pg_constraint',
    'pg_depend',
    'pg_description',
  ];
  const found: unknown[] = [];
  for (const table of tables) {
    const { rows } = await pool.query(
      `select '${table}' as catalog, xmin::text, ctid::text from pg_catalog.${table} order by ctid`,
    );
    found.push(...rows);
  }
  return found;
}
