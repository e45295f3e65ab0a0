import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shorten, widthOf } from '../../src/cli/printable.ts';
import { type TextColumn, textTable } from '../../src/cli/text-table.ts';

const COLUMNS: readonly TextColumn<readonly string[]>[] = [
  { title: 'time', maximum: 10, text: ([time = '']) => time },
  { title: 'who', maximum: 20, minimum: 5, text: ([, who = '']) => who },
  { title: 'what', maximum: 40, minimum: 8, text: ([, , what = '']) => what },
];

test('columns are aligned by what a terminal shows, and nothing trails', () => {
  const rows = [
    ['10:00', '山田', 'x'],
    ['10:01', '👩‍👩‍👧', 'y'],
    ['10:02', 'e\u0301', ''],
  ];
  assert.equal(
    textTable(COLUMNS, rows),
    'time   who   what\n─────  ────  ────\n10:00  山田  x\n10:01  👩‍👩‍👧    y\n10:02  e\u0301\n'.replace(
      'who ',
      'who ',
    ),
  );
});

test('a column without any text is left out', () => {
  assert.equal(textTable(COLUMNS, [['10:00', '', 'x']]), 'time   what\n─────  ────\n10:00  x\n');
});

test('in a terminal, the widest columns give way, and none more than it may', () => {
  const rows = [['10:00:00.0', 'a'.repeat(20), 'b'.repeat(40)]];
  for (const width of [80, 60, 40, 30]) {
    const lines = textTable(COLUMNS, rows, width).trimEnd().split('\n');
    for (const line of lines) assert.ok(widthOf(line) <= width, `${width}: ${line}`);
    assert.match(lines[2] ?? '', /^10:00:00\.0 {2}a/);
  }
  assert.equal(textTable(COLUMNS, rows, 5).split('\n')[2], '10:00:00.0  aaaa…  bbbbbbb…');
});

test('what is cut ends with an ellipsis, and no character is cut in half', () => {
  assert.equal(shorten('abcdef', 6), 'abcdef');
  assert.equal(shorten('abcdefg', 6), 'abcde…');
  assert.equal(shorten('山田太郎', 6), '山田…');
  assert.equal(shorten('👩‍👩‍👧👩‍👩‍👧', 3), '👩‍👩‍👧…');
});

test('control characters and changes of direction are shown, not obeyed', () => {
  const hostile = 'a\u001b[31m\u0007\r\n\t\u009b1m\u202eb\u2066\u200f\ud800';
  assert.equal(
    textTable(COLUMNS, [['', '', hostile]]).split('\n')[2],
    shorten('a\\u001b[31m\\u0007\\u000d \\u0009\\u009b1m\\u202eb\\u2066\\u200f\\ud800', 40),
  );
});
