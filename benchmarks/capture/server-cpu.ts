import { readdir, readFile } from 'node:fs/promises';

/**
 * The CPU time in nanoseconds that the processes of a PostgreSQL server have used since they began.
 *
 * Only differences mean something, and only while no backend ends in between: it takes its time with it.
 */
export async function serverCpu(postmasterPid: number): Promise<bigint> {
  let total = 0n;
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    // A process may end while it is looked at.
    const stat = await readFile(`/proc/${entry}/stat`, 'latin1').catch(() => '');
    // The name of the command is in parentheses and may hold anything; the state and the parent's id follow it.
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(parent) !== postmasterPid) continue;
    const [onCpu] = (await readFile(`/proc/${entry}/schedstat`, 'latin1').catch(() => '0')).split(' ');
    total += BigInt(onCpu ?? '0');
  }
  return total;
}
