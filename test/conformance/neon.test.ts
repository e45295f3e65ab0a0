import { after } from 'node:test';
import { neonConfig, Pool, type PoolClient } from '@neondatabase/serverless';
import { WebSocket } from 'ws';
import { wrapPool } from '../../src/adapters/pg/index.ts';
import type { AdapterHarness } from '../../src/testing/index.ts';
import { startWebSocketProxy } from '../support/websocket-proxy.ts';
import { conform } from './conform.ts';
import { poolHarness } from './pg-pool-harness.ts';

const proxy = await startWebSocketProxy();
after(() => proxy.close());

neonConfig.webSocketConstructor = WebSocket;
neonConfig.wsProxy = proxy.address;
neonConfig.useSecureWebSocket = false;
neonConfig.pipelineConnect = false;

await conform<Pool, PoolClient>({
  ...(poolHarness as object as Omit<AdapterHarness<Pool, PoolClient>, 'name' | 'connect'>),
  name: 'Neon: wrapPool',
  connect: (connectionString, { max, attributed }) => {
    const pool = new Pool({ connectionString, max });
    return attributed ? wrapPool(pool) : pool;
  },
});
