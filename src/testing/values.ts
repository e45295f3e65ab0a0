import assert from 'node:assert/strict';
import { actor } from '../core/actor.ts';
import type { AuditContextInput } from '../core/context.ts';
import { runWithContext } from '../core/store.ts';
import { type Bench, type ConformanceTest, INSERT } from './bench.ts';

const HOSTILE = [
  'it\'s \\ "q" ? $1 $ {x}; -- /* é 😀',
  "'; drop table conformance.writes; --",
  '\\',
  "\\'",
  '$$ $1 $2 $tag$',
  '?? ?| ?& \\? :name {0} {} %s %I',
  '\u2028\u2029\ufeff\u00ad',
  '😀'.repeat(40),
];

const META = { text: HOSTILE.join(' '), list: HOSTILE, ...Object.fromEntries(HOSTILE.map((text) => [text, 1])) };

/** Whatever an id or a meta holds: it arrives as it was, and nothing else happens. */
export const valueTests: readonly ConformanceTest[] = [
  {
    name: 'hostile ids and texts arrive as they were',
    run: (bench) => everyValue(bench, (handle) => insert(bench, handle)),
  },
  {
    name: 'hostile ids and texts arrive as they were inside a transaction',
    run: (bench) => everyValue(bench, async (handle) => bench.harness.transaction(handle, (tx) => insert(bench, tx))),
  },
  {
    name: 'hostile ids and texts arrive as they were where standard_conforming_strings is off',
    run: (bench) =>
      everyValue(bench, async (handle) =>
        bench.harness.transaction(handle, async (tx) => {
          await bench.harness.run(tx, 'set local standard_conforming_strings = off', []);
          await insert(bench, tx);
        }),
      ),
  },
  {
    name: 'hostile ids and texts arrive as they were in a text of several statements',
    needs: ['script'],
    run: (bench) =>
      everyValue(bench, async (handle) => {
        await bench.harness.script?.(handle, "select 1 as one; insert into conformance.writes (label) values ('row')");
      }),
  },
  {
    name: 'a context of nearly 8 KiB arrives whole',
    async run(bench) {
      const handle = await bench.open(1);
      const context = { actor: actor.user('A'), meta: { text: 'x'.repeat(8000) } };
      await runWithContext(context, async () => await insert(bench, handle));
      await expectContext(bench, context);
    },
  },
  {
    name: 'an actor without an id and a context without an actor arrive as such',
    async run(bench) {
      const handle = await bench.open(1);
      for (const context of [{ actor: actor.anonymous() }, { correlationId: 'only this' }, {}]) {
        await runWithContext(context, async () => await insert(bench, handle));
        await expectContext(bench, context);
      }
    },
  },
];

async function insert({ harness }: Bench, on: unknown): Promise<void> {
  await harness.run(on, INSERT, ['row']);
}

async function everyValue(bench: Bench, body: (handle: unknown) => Promise<void>): Promise<void> {
  const handle = await bench.open(1);
  for (const id of HOSTILE) {
    const context = { actor: actor.user(id), requestId: id, jobId: id, source: id, remoteIp: '::1', meta: META };
    await runWithContext(context, async () => await body(handle));
    await expectContext(bench, context);
  }
}

/** Asserts what the last write recorded, and forgets it. */
async function expectContext(bench: Bench, context: AuditContextInput): Promise<void> {
  const rows = await bench.admin('select actor::text as actor, context::text as context from conformance.writes');
  const [row] = rows;
  assert.equal(rows.length, 1);
  const {
    correlation_id: correlationId,
    request_id: requestId,
    job_id: jobId,
    remote_ip: remoteIp,
    ...rest
  } = parse(row?.['context']);
  const actorRef = row?.['actor'] === null ? {} : { actor: parse(row?.['actor']) };
  const found = {
    ...actorRef,
    ...rest,
    ...(correlationId ? { correlationId } : {}),
    ...(requestId ? { requestId } : {}),
    ...(jobId ? { jobId } : {}),
    ...(remoteIp ? { remoteIp } : {}),
  };
  assert.deepEqual(found, context);
  await bench.admin('truncate conformance.writes');
}

function parse(text: unknown): Record<string, unknown> {
  return text === null ? {} : JSON.parse(String(text));
}
