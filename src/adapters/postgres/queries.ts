import type { Scope } from '../../core/context.ts';
import { currentScope, enterScope } from '../../core/store.ts';
import { activate, attribute, settle, take } from './attribute.ts';
import { lossOf } from './connection.ts';
import { JOURNEY, type Journey, POOLS, type Pool, type Query, type QueryPrototype, type Statement } from './driver.ts';

/*
 * postgres.js has no hook between a query and its connection, but it notes on the query what it
 * does with it: `state` names the connection that takes it, `active` says that the next answers are
 * its own, `statement` is set when its text is known and read when its messages are written.
 * Accessors on the class see that happen, for every way of making and executing a query.
 */

/** Makes the queries of one pool attributed. Does nothing the second time. */
export function instrumentQueries(prototype: QueryPrototype, canceller: object, pool: Pool): void {
  const pools = prototype[POOLS] ?? instrumentPrototype(prototype);
  if (!pools.has(canceller)) pools.set(canceller, pool);
}

function instrumentPrototype(prototype: QueryPrototype): WeakMap<object, Pool> {
  const pools = new WeakMap<object, Pool>();
  Object.defineProperty(prototype, POOLS, { value: pools });
  for (const [name, accessors] of Object.entries(NOTED))
    Object.defineProperty(prototype, name, { ...accessors, configurable: true });
  replaceHandle(prototype, pools);
  return pools;
}

const NOTED = {
  state: {
    get(this: Query): unknown {
      return journeyOf(this).state;
    },
    set(this: Query, value: unknown): void {
      const journey = journeyOf(this);
      journey.state = value;
      if (value) take(this, journey);
    },
  },
  active: {
    get(this: Query): unknown {
      return journeyOf(this).active;
    },
    set(this: Query, value: unknown): void {
      const journey = journeyOf(this);
      journey.active = value;
      if (value) activate(journey);
      else settle(journey);
    },
  },
  statement: {
    get(this: Query): unknown {
      return markedStatement(journeyOf(this));
    },
    set(this: Query, value: Statement | null): void {
      const journey = journeyOf(this);
      journey.statement = value;
      if (value) attribute(this, journey);
    },
  },
  cursorName: {
    get(this: Query): unknown {
      return markedPortal(journeyOf(this));
    },
  },
};

function journeyOf(query: Query): Journey {
  const known = query[JOURNEY];
  if (known) return known;
  const journey: Journey = {
    created: currentScope(),
    scope: undefined,
    pool: undefined,
    state: null,
    active: false,
    statement: null,
    textMark: undefined,
    portalMark: undefined,
    connection: undefined,
    isNext: false,
    injection: undefined,
    isBare: false,
  };
  query[JOURNEY] = journey;
  return journey;
}

/** The first to ask is the driver, for the text that it puts into Parse or Query. */
function markedStatement(journey: Journey): Statement | null {
  const { textMark, statement } = journey;
  if (textMark === undefined || statement === null) return statement;
  journey.textMark = undefined;
  return { ...statement, string: textMark + statement.string };
}

/** The driver asks for the name of the portal that it puts into Bind, but never sets one. */
function markedPortal(journey: Journey): string | undefined {
  const { portalMark } = journey;
  journey.portalMark = undefined;
  return portalMark;
}

/** Whatever executes a query calls `handle` first, right in the call that the user makes. */
function replaceHandle(prototype: QueryPrototype, pools: WeakMap<object, Pool>): void {
  const original = prototype.handle;
  Object.defineProperty(prototype, 'handle', {
    configurable: true,
    writable: true,
    value: function handle(this: Query): unknown {
      const pool = this.executed || this.canceller === null ? undefined : pools.get(this.canceller);
      if (pool === undefined) return original.call(this);
      adopt(this);
      const journey = journeyOf(this);
      const scope = currentScope();
      journey.pool = pool;
      journey.scope = scope ?? journey.created;
      const loss = lossOf(this);
      if (loss) {
        this.executed = true;
        return this.reject(loss);
      }
      bindCallbacks(this, journey.scope);
      // What the driver opens and schedules on the way belongs to nobody.
      return scope === undefined ? original.call(this) : enterScope(undefined, () => original.call(this));
    },
  });
}

/** A query older than the adapter has properties of its own in front of the accessors. */
function adopt(query: Query): void {
  if (!Object.hasOwn(query, 'state')) return;
  for (const name of ['state', 'active', 'statement']) {
    const value: unknown = Reflect.get(query, name);
    Reflect.deleteProperty(query, name);
    Reflect.set(query, name, value);
  }
}

function bindCallbacks(query: Query, scope: Scope | undefined): void {
  if (query.cursorFn !== undefined) query.cursorFn = bindCallback(query.cursorFn, scope);
  if (query.forEachFn !== undefined) query.forEachFn = bindCallback(query.forEachFn, scope);
  if (!query.streaming) return;
  const { resolve } = query;
  query.resolve = (stream) => {
    bindEvents(stream, scope);
    return resolve(stream);
  };
}

/** A callback that runs in `scope`; anything else as it is. */
export function bindCallback(value: unknown, scope: Scope | undefined): unknown {
  if (typeof value !== 'function') return value;
  return function bound(this: unknown, ...args: unknown[]) {
    return enterScope(scope, () => Reflect.apply(value, this, args));
  };
}

/** The listeners on a stream over COPY run in the context of the query. */
function bindEvents(stream: unknown, scope: Scope | undefined): void {
  if (typeof stream !== 'object' || stream === null || !('emit' in stream)) return;
  Object.defineProperty(stream, 'emit', {
    configurable: true,
    writable: true,
    value: bindCallback(stream.emit, scope),
  });
}
