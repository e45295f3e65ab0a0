import type { JsonValue } from './context.ts';

// A number that JavaScript might write back otherwise, where JSON can have one: of sixteen digits or more, with a
// fraction or an exponent, or a negative zero. In a string it only looks like one, and costs the longer way.
const MAYBE_LOSSY = /(?:"\s*:|[,[]|^)\s*-?(?:\d{16}|\d+[.eE]|(?<=-)0)/;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Parses JSON without losing digits: a number that JavaScript writes back with the very same
 * characters becomes a number, any other (a bigint, `0.10`, `1e400`) a string of those characters.
 *
 * @throws SyntaxError for what is no JSON
 * @example parseLosslessJson('[1, 9007199254740993, 1.50]') // [1, '9007199254740993', '1.50']
 */
export function parseLosslessJson(text: string): JsonValue {
  return JSON.parse(MAYBE_LOSSY.test(text) ? quoteLossyNumbers(text) : text) as JsonValue;
}

function quoteLossyNumbers(text: string): string {
  let quoted = '';
  let position = 0;
  // Walks from string to string: one regular expression over both overflows the stack on strings of some megabytes.
  for (;;) {
    const open = text.indexOf('"', position);
    if (open === -1) break;
    const end = endOfString(text, open);
    quoted += text.slice(position, open).replace(NUMBER, quoteIfLossy) + text.slice(open, end);
    position = end;
  }
  return quoted + text.slice(position).replace(NUMBER, quoteIfLossy);
}

function quoteIfLossy(number: string): string {
  return String(Number(number)) === number ? number : `"${number}"`;
}

function endOfString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (close !== -1 && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close === -1 ? text.length : close + 1;
}

function isEscaped(text: string, position: number): boolean {
  let before = position - 1;
  while (text[before] === '\\') before -= 1;
  return (position - before) % 2 === 0;
}
