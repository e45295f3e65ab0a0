// What `prisma generate` writes for the schema below, shortened to what runs. The CLI itself is no
// dependency here, since it brings drivers for other databases along.
import { getPrismaClient } from '@prisma/client/runtime/client';

const SCHEMA = `generator client {
  provider            = "prisma-client"
  output              = "./generated"
  runtime             = "nodejs"
  moduleFormat        = "esm"
  importFileExtension = "ts"
}

datasource db {
  provider = "postgresql"
  schemas  = ["conformance"]
}

model Write {
  id    BigInt @id @default(autoincrement())
  label String

  @@map("writes")
  @@schema("conformance")
}
`;

// Node has it; the types of Node 20 do not say so.
declare const WebAssembly: { readonly Module: new (bytes: Buffer) => object };

function load<T>(name: string): Promise<T> {
  return import(`@prisma/client/runtime/${name}`);
}

type GetPrismaClientConfig = Parameters<typeof getPrismaClient>[0];

const config = {
  previewFeatures: [],
  clientVersion: '7.10.1',
  engineVersion: 'd1b3f377ca835d73fd50954a5e22128b9ebdd6b8',
  activeProvider: 'postgresql',
  inlineSchema: SCHEMA,
  runtimeDataModel: {
    models: {
      Write: {
        fields: [
          { name: 'id', kind: 'scalar', type: 'BigInt' },
          { name: 'label', kind: 'scalar', type: 'String' },
        ],
        dbName: 'writes',
        schema: 'conformance',
      },
    },
    enums: {},
    types: {},
  },
  parameterizationSchema: {
    strings: [
      'where',
      'Write.findUnique',
      'Write.findUniqueOrThrow',
      'orderBy',
      'cursor',
      'Write.findFirst',
      'Write.findFirstOrThrow',
      'Write.findMany',
      'data',
      'Write.createOne',
      'Write.createMany',
      'Write.createManyAndReturn',
      'Write.updateOne',
      'Write.updateMany',
      'Write.updateManyAndReturn',
      'create',
      'update',
      'Write.upsertOne',
      'Write.deleteOne',
      'Write.deleteMany',
      'having',
      '_count',
      '_avg',
      '_sum',
      '_min',
      '_max',
      'Write.groupBy',
      'Write.aggregate',
      'AND',
      'OR',
      'NOT',
      'id',
      'label',
      'equals',
      'in',
      'notIn',
      'lt',
      'lte',
      'gt',
      'gte',
      'contains',
      'startsWith',
      'endsWith',
      'not',
      'set',
      'increment',
      'decrement',
      'multiply',
      'divide',
    ],
    graph:
      'LAsQBRwAACMAMB0AAAQAEB4AACMAMB8EAAAAASABACUAIQEAAAABACABAAAAAQAgBRwAACMAMB0AAAQAEB4AACMAMB8EACQAISABACUAIQADAAAABAAgAwAABQAwBAAAAQAgAwAAAAQAIAMAAAUAMAQAAAEAIAMAAAAEACADAAAFADAEAAABACACHwQAAAABIAEAAAABAQgAAAkAIAIfBAAAAAEgAQAAAAEBCAAACwAwAQgAAAsAMAIfBAArACEgAQAsACECAAAAAQAgCAAADgAgAh8EACsAISABACwAIQIAAAAEACAIAAAQACACAAAABAAgCAAAEAAgAwAAAAEAIA8AAAkAIBAAAA4AIAEAAAABACABAAAABAAgBRUAACYAIBYAACcAIBcAACoAIBgAACkAIBkAACgAIAUcAAAaADAdAAAXABAeAAAaADAfBAAbACEgAQAcACEDAAAABAAgAwAAFgAwFAAAFwAgAwAAAAQAIAMAAAUAMAQAAAEAIAUcAAAaADAdAAAXABAeAAAaADAfBAAbACEgAQAcACENFQAAHgAgFgAAIQAgFwAAIgAgGAAAIgAgGQAAIgAgIQQAAAABIgQAAAAEIwQAAAAEJAQAAAABJQQAAAABJgQAAAABJwQAAAABKwQAIAAhDhUAAB4AIBgAAB8AIBkAAB8AICEBAAAAASIBAAAABCMBAAAABCQBAAAAASUBAAAAASYBAAAAAScBAAAAASgBAAAAASkBAAAAASoBAAAAASsBAB0AIQ4VAAAeACAYAAAfACAZAAAfACAhAQAAAAEiAQAAAAQjAQAAAAQkAQAAAAElAQAAAAEmAQAAAAEnAQAAAAEoAQAAAAEpAQAAAAEqAQAAAAErAQAdACEIIQIAAAABIgIAAAAEIwIAAAAEJAIAAAABJQIAAAABJgIAAAABJwIAAAABKwIAHgAhCyEBAAAAASIBAAAABCMBAAAABCQBAAAAASUBAAAAASYBAAAAAScBAAAAASgBAAAAASkBAAAAASoBAAAAASsBAB8AIQ0VAAAeACAWAAAhACAXAAAiACAYAAAiACAZAAAiACAhBAAAAAEiBAAAAAQjBAAAAAQkBAAAAAElBAAAAAEmBAAAAAEnBAAAAAErBAAgACEIIQgAAAABIggAAAAEIwgAAAAEJAgAAAABJQgAAAABJggAAAABJwgAAAABKwgAIQAhCCEEAAAAASIEAAAABCMEAAAABCQEAAAAASUEAAAAASYEAAAAAScEAAAAASsEACIAIQUcAAAjADAdAAAEABAeAAAjADAfBAAkACEgAQAlACEIIQQAAAABIgQAAAAEIwQAAAAEJAQAAAABJQQAAAABJgQAAAABJwQAAAABKwQAIgAhCyEBAAAAASIBAAAABCMBAAAABCQBAAAAASUBAAAAASYBAAAAAScBAAAAASgBAAAAASkBAAAAASoBAAAAASsBAB8AIQAAAAAABSwEAAAAAS0EAAAAAS4EAAAAAS8EAAAAATAEAAAAAQEsAQAAAAEAAAAABRUABhYABxcACBgACRkACgAAAAAABRUABhYABxcACBgACRkACgECAQIDAQUGAQYHAQcIAQkKAQoMAgsNAwwPAQ0RAg4SBBETARIUARMVAhoYBRsZCw',
  },
  compilerWasm: {
    getRuntime: () => load('query_compiler_fast_bg.postgresql.mjs'),
    getQueryCompilerWasmModule: async () => {
      const { wasm } = await load<{ wasm: string }>('query_compiler_fast_bg.postgresql.wasm-base64.mjs');
      return new WebAssembly.Module(Buffer.from(wasm, 'base64'));
    },
    importName: './query_compiler_fast_bg.js',
  },
};

/** A promise of Prisma's: does nothing until it is awaited. */
type PrismaPromise<T> = PromiseLike<T>;

/** What a client and the client of an interactive transaction share. */
export interface PrismaQueries {
  $queryRawUnsafe(text: string, ...values: unknown[]): PrismaPromise<Record<string, unknown>[]>;
  readonly write: { create(arguments_: { data: { label: string } }): PrismaPromise<{ label: string }> };
}

/** What runs around every operation of an extended client. */
export interface PrismaOperation {
  readonly args: unknown;
  query(args: unknown): Promise<unknown>;
}

/** A client for the schema above. */
export interface PrismaClient extends PrismaQueries {
  $extends(extension: { query: { $allOperations(operation: PrismaOperation): Promise<unknown> } }): PrismaClient;
  $disconnect(): Promise<void>;
  $transaction<T>(
    body: (transaction: PrismaQueries) => Promise<T>,
    options?: { isolationLevel?: 'Serializable'; maxWait?: number; timeout?: number },
  ): Promise<T>;
}

/** The class of it. */
export const PrismaClient = getPrismaClient(config as unknown as GetPrismaClientConfig) as unknown as new (options: {
  adapter: object;
}) => PrismaClient;
