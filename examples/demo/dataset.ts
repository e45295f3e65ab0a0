import { createRequire } from 'node:module';
import type pg from 'pg';
import type { Countries } from 'world-countries';
import { inTransaction } from './transaction.ts';

// Its types describe an ES module, which Node does not find in it.
const world: Countries = createRequire(import.meta.url)('world-countries');

/** The rows of the atlas, by table. */
export interface Dataset {
  readonly regions: readonly { readonly name: string; readonly currencies: number }[];
  readonly countries: readonly {
    readonly code: string;
    readonly name: string;
    readonly capital: string | null;
    readonly region: string;
    readonly subregion: string | null;
    readonly area_km2: number;
  }[];
  readonly currencies: readonly { readonly code: string; readonly name: string }[];
  readonly country_currencies: readonly { readonly country_code: string; readonly currency_code: string }[];
}

/** What the npm package world-countries says. Calling codes are left to the editors. */
export const DATASET: Dataset = {
  regions: regions(),
  countries: world.map((country) => ({
    code: country.cca3,
    name: country.name.common,
    capital: country.capital[0] ?? null,
    region: country.region,
    subregion: country.subregion || null,
    area_km2: country.area,
  })),
  currencies: currencies(),
  country_currencies: world.flatMap((country) =>
    Object.keys(country.currencies).map((code) => ({ country_code: country.cca3, currency_code: code })),
  ),
};

/** The calling code of each country that has one: `+359`. */
export const CALLING_CODES: ReadonlyMap<string, string> = new Map(
  world
    .filter(({ idd }) => idd.root !== '')
    .map(({ cca3, idd }) => [cca3, idd.suffixes.length === 1 ? `${idd.root}${idd.suffixes[0]}` : idd.root]),
);

/** Loads everything in one transaction, a statement for each table. */
export async function loadDataset(pool: pg.Pool): Promise<void> {
  await inTransaction(pool, async (client) => {
    for (const [table, rows] of Object.entries(DATASET))
      await client.query(
        `insert into ${table} select r.* from jsonb_array_elements($1::jsonb) e, jsonb_populate_record(null::${table}, e) r`,
        [JSON.stringify(rows)],
      );
  });
}

function currencies(): Dataset['currencies'] {
  const names = new Map(
    world.flatMap((country) => Object.entries(country.currencies).map(([code, { name }]) => [code, name] as const)),
  );
  return [...names].map(([code, name]) => ({ code, name }));
}

function regions(): Dataset['regions'] {
  const codes = new Map<string, Set<string>>();
  for (const { region, currencies } of world)
    codes.set(region, new Set([...(codes.get(region) ?? []), ...Object.keys(currencies)]));
  return [...codes].map(([name, used]) => ({ name, currencies: used.size }));
}
