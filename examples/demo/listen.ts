import { serve } from '@hono/node-server';
import type { Atlas } from './app.ts';

/** Serves the atlas on a free port of the loopback interface while `work` runs. */
export async function whileListening<T>(atlas: Atlas, work: (url: string) => Promise<T>): Promise<T> {
  const { server, port } = await listen(atlas);
  try {
    return await work(`http://127.0.0.1:${port}`);
  } finally {
    server.close();
    await atlas.close();
  }
}

function listen({ fetch }: Atlas): Promise<{ readonly server: ReturnType<typeof serve>; readonly port: number }> {
  return new Promise((resolve) => {
    const server = serve({ fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => resolve({ server, port }));
  });
}
