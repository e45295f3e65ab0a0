// A reporter for node:test: one JSON line for each test of a suite, for the report. Plain
// JavaScript, since reporters are loaded before anything that could compile them.

/** A suite is reported behind its tests; those wait until its name is known. */
export default async function* collect(events) {
  const waiting = new Map();
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const tests = waiting.get(data.file) ?? [];
    if (data.nesting === 1) {
      const skipped = data.skip !== undefined && data.skip !== false;
      const status = skipped ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed';
      waiting.set(data.file, [...tests, { test: data.name, status, reason: String(data.skip ?? '') }]);
    } else if (data.nesting === 0) {
      for (const test of tests) yield `${JSON.stringify({ driver: data.name, ...test })}\n`;
      waiting.delete(data.file);
    }
  }
}
