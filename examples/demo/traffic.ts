// What the clients of the atlas send, and what each request is known to change. Nothing here asks the database.
import { type ActorRef, actor } from '../../src/index.ts';
import { CALLING_CODES, DATASET } from './dataset.ts';
import { deleted, type Effect, inserted, type KnownChange, updated } from './known-changes.ts';

/** Who sends a request: the token that says so, and whom it should be recorded as. */
export interface Sender {
  readonly token: string;
  readonly actor: ActorRef;
}

/** A request, and what comes of it. */
export interface PlannedRequest extends Sender {
  readonly method: 'DELETE' | 'PATCH' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: object;
  /** Where the client sends an id of its own. Otherwise the application makes one. */
  readonly correlationId?: string;
  /** The status of the answer: whoever gets another has no demo. */
  readonly status: number;
  readonly effects: readonly Effect[];
}

const EDITORS = ['ana', 'ben', 'chidi', 'dana', 'emeka', 'fatima', 'goran', 'hana'] as const;
const grace: Sender = { token: 'grace-token', actor: actor.admin('grace') };
export const reforms: Sender = { token: 'reforms-token', actor: actor.serviceAccount('reforms') };

/** The correlation id that two requests and a job share. */
export const EURO = 'bulgaria-joins-the-euro';
/** The correlation id of the request that fails. */
export const SHELLS = 'pay-in-shells';

/** The requests that are sent at once. */
export const CONCURRENT_REQUESTS: readonly PlannedRequest[] = [
  {
    ...editor('dana'),
    method: 'POST',
    path: '/countries/BGR/currency',
    body: { from: 'BGN', to: 'EUR', reason: 'In the euro area since January 2026' },
    correlationId: EURO,
    status: 204,
    effects: [
      deleted('country_currencies', { country_code: 'BGR', currency_code: 'BGN' }),
      inserted('country_currencies', { country_code: 'BGR', currency_code: 'EUR' }),
    ],
  },
  {
    ...editor('ben'),
    method: 'POST',
    path: '/countries/CHE/currency',
    body: { from: 'CHF', to: 'COWRIE', reason: 'A joke' },
    correlationId: SHELLS,
    status: 409,
    effects: [],
  },
  replacement('XCG', 'Caribbean guilder', { replaces: 'ANG', reason: 'Introduced in March 2025' }),
  replacement('SLE', 'Sierra Leonean leone', { replaces: 'SLL', reason: 'Three zeros fewer' }),
  {
    ...editor('hana'),
    method: 'PATCH',
    path: '/countries/LKA',
    body: { capital: 'Sri Jayawardenepura Kotte' },
    status: 200,
    effects: [updated('countries', { code: 'LKA' }, 'capital')],
  },
  {
    ...grace,
    method: 'POST',
    path: '/subregions/rename',
    body: { from: 'Southern Asia', to: 'South Asia' },
    status: 200,
    effects: DATASET.countries
      .filter(({ subregion }) => subregion === 'Southern Asia')
      .map(({ code }) => updated('countries', { code }, 'subregion')),
  },
  ...[...CALLING_CODES].map(
    ([code, callingCode], index): PlannedRequest => ({
      ...editor(EDITORS[index % EDITORS.length] ?? 'ana'),
      method: 'PATCH',
      path: `/countries/${code}`,
      body: { callingCode },
      status: 200,
      effects: [updated('countries', { code }, 'calling_code')],
    }),
  ),
];

/** Sent when the others are through: nobody pays in leva any more. */
export const LAST_REQUEST: PlannedRequest = {
  ...grace,
  method: 'DELETE',
  path: '/currencies/BGN',
  correlationId: EURO,
  status: 204,
  effects: [deleted('currencies', { code: 'BGN' })],
};

/** What the job does that the first request queues. */
export const JOB_CHANGE: KnownChange = {
  ...updated('regions', { name: 'Europe' }, 'currencies'),
  actor: actor.job('recount-currencies'),
  correlationId: EURO,
};

/** The named actions, as `actor name`. */
export const ACTIONS: readonly string[] = [
  'user:dana country.currency_changed',
  'service_account:reforms currency.replaced',
  'service_account:reforms currency.replaced',
];

function editor(name: (typeof EDITORS)[number]): Sender {
  return { token: `${name}-token`, actor: actor.user(name) };
}

function replacement(
  code: string,
  name: string,
  { replaces, reason }: { readonly replaces: string; readonly reason: string },
): PlannedRequest {
  const users = DATASET.country_currencies.filter(({ currency_code }) => currency_code === replaces);
  return {
    ...reforms,
    method: 'PUT',
    path: `/currencies/${code}`,
    body: { name, replaces, reason },
    status: 204,
    effects: [
      inserted('currencies', { code }),
      ...users.map(({ country_code }) =>
        updated('country_currencies', { country_code, currency_code: code }, 'currency_code'),
      ),
      deleted('currencies', { code: replaces }),
    ],
  };
}
