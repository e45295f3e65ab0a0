import { ThreadlineError } from '../../core/errors.ts';
import { enterScope } from '../../core/store.ts';
import { wrapClient } from '../pg/index.ts';
import { rememberCreation, runWhereCreated } from './creation.ts';
import type { KnexBuilder, KnexClient, KnexClientClass, KnexConnection, KnexRunner } from './driver.ts';

const INSTRUMENTED = Symbol.for('threadline.knex.instrumented');

/**
 * Gives one Knex client a class of its own, in between it and its dialect. Knex makes the clients
 * of transactions, and those of `withUserParams`, out of the class of the first client and not out
 * of the client itself: what is overridden on the client alone does not reach them.
 */
export function instrumentKnexClient(client: KnexClient): void {
  if (INSTRUMENTED in client) return;
  const Instrumented = attributedClass(client.constructor as KnexClientClass);
  Object.setPrototypeOf(client, Instrumented.prototype);
}

function attributedClass(Dialect: KnexClientClass): KnexClientClass {
  class AttributedClient extends Dialect {
    // Without async, which would cost every query a turn of the loop more.
    override acquireConnection(): Promise<KnexConnection> {
      return enterScope(undefined, () => super.acquireConnection()).then((connection) => {
        if (!isNative(connection)) return attributed(connection);
        return this.releaseConnection(connection).then(() => {
          throw unsupported('its pool holds connections of pg-native');
        });
      });
    }

    // Sockets and what a pool's hooks do belong to nobody, not to whoever happened to need a connection.
    override async acquireRawConnection(): Promise<KnexConnection> {
      return attributed(await enterScope(undefined, () => super.acquireRawConnection()));
    }

    override releaseConnection(connection: KnexConnection): Promise<unknown> {
      return enterScope(undefined, () => super.releaseConnection(connection));
    }

    // Without one, Knex takes a connection of its pool.
    override processPassedConnection(connection: KnexConnection | null | undefined): unknown {
      return super.processPassedConnection(connection && attributed(connection));
    }

    override transaction(
      container: unknown,
      config?: { readonly connection?: KnexConnection },
      outer?: unknown,
    ): unknown {
      if (config?.connection) attributed(config.connection);
      return super.transaction(container, config, outer);
    }

    override queryBuilder(): KnexBuilder {
      return rememberCreation(super.queryBuilder());
    }

    override schemaBuilder(): KnexBuilder {
      return rememberCreation(super.schemaBuilder());
    }

    override raw(...args: unknown[]): KnexBuilder {
      return rememberCreation(super.raw(...args));
    }

    override runner(builder: KnexBuilder): KnexRunner {
      return runWhereCreated(builder, super.runner(builder));
    }
  }
  Object.defineProperty(AttributedClient, 'name', { value: Dialect.name });
  Object.defineProperty(AttributedClient.prototype, INSTRUMENTED, { value: true });
  return AttributedClient;
}

function attributed(connection: KnexConnection): KnexConnection {
  if (isNative(connection)) throw unsupported('it was given a connection of pg-native');
  return wrapClient(connection as KnexConnection & Parameters<typeof wrapClient>[0]);
}

/** pg-native keeps the protocol to itself: nothing can be put in front of a statement there. */
function isNative(connection: KnexConnection): boolean {
  return connection.connection === undefined;
}

/** The error for what cannot be attributed. */
export function unsupported(reason: string): ThreadlineError {
  return new ThreadlineError(
    'TL_KNEX_UNSUPPORTED',
    `This Knex instance cannot be attributed: ${reason}. Use Knex with client: 'pg'.`,
  );
}
