import { type Finding, type Verification, type VerifiedTable, verify } from '../sql/index.ts';
import type { Command } from './command.ts';
import { withDatabase } from './connect.ts';
import { printable } from './printable.ts';
import { listOf, TABLES_FLAG } from './table-list.ts';
import { type TextColumn, textTable } from './text-table.ts';

/** `threadline verify` */
export const verifyCommand: Command = {
  name: 'verify',
  about: 'look whether everything is recorded as it should be',
  positionals: '',
  flags: {
    tables: { value: 'LIST', about: `tables that must be audited; ${TABLES_FLAG.tables.about}` },
    probe: { about: 'also try out an update of each audited table, rolled back; its own triggers run' },
    json: { about: 'print JSON' },
  },
  notes: 'Ends with exit code 1 where anything was found. Connect as the role that installed Threadline.',
  async run(args) {
    const options = {
      schema: args.value('schema'),
      tables: listOf(args, 'tables', verifyCommand),
      probe: args.has('probe'),
    };
    const verification = await withDatabase((db) => verify(db, options));
    const output = args.has('json') ? `${JSON.stringify(verification, undefined, 2)}\n` : reportOf(verification);
    return { output, exitCode: verification.ok ? 0 : 1 };
  },
};

const COLUMNS: readonly TextColumn<VerifiedTable>[] = [
  { title: 'table', maximum: 100, text: ({ table }) => table },
  { title: 'state', maximum: 10, text: ({ state }) => state },
  { title: 'probe', maximum: 10, text: ({ probe }) => probe ?? '' },
  {
    title: 'options',
    maximum: 200,
    minimum: 20,
    text: ({ options }) => (options === null || Object.keys(options).length === 0 ? '' : JSON.stringify(options)),
  },
];

function reportOf({ tables, findings, eventTrigger }: Verification): string {
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  const count = findings.length === 1 ? '1 finding' : `${findings.length === 0 ? 'No' : findings.length} findings`;
  return [
    tables.length === 0 ? 'No tables.\n' : textTable(COLUMNS, tables, width),
    ...findings.map(textOf),
    `${count}.${eventTrigger ? '' : ' No event trigger follows schema changes: after one, run threadline triggers again.'}\n`,
  ].join('\n');
}

function textOf({ code, object, message, remedy }: Finding): string {
  return [`${code}: ${object}`, `  ${message}`, `  remedy: ${remedy}`].map((line) => `${printable(line)}\n`).join('');
}
