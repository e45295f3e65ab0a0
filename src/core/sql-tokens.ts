/** What a token is: a bare word in lower case, a quoted name, one punctuation character, or anything else. */
export interface Token {
  readonly kind: 'word' | 'name' | 'punctuation' | 'other';
  readonly text: string;
  readonly start: number;
}

/** The tokens of an SQL text, and whether their borders are certain. */
export interface TokenList {
  readonly tokens: readonly Token[];
  /** False where the end of a plain string depends on standard_conforming_strings, as that of 'a\' does. */
  readonly certain: boolean;
}

// Sticky, one alternative a lexical element; comments nest, so they are skipped by hand.
// What is not ASCII is a letter to PostgreSQL, be it a space or an emoji to others.
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const NUMBER = /[0-9][0-9a-zA-Z_.]*|\$[0-9]+/y;
const PUNCTUATION = new Set('(),;.=*+-/<>[]:|');
const ESCAPE_STRING_PREFIXES = new Set(['e']);
// As some would read it. A backslash anywhere else, as in 'C:\dir', ends no string elsewhere.
const ESCAPED_QUOTE = /(?<!\\)\\(?:\\\\)*'/;
const STRING_PREFIXES = new Set(['e', 'b', 'x', 'n']);

/** Splits SQL text into tokens, skipping white space, comments and the insides of literals. */
export function tokenize(text: string): TokenList {
  const tokens: Token[] = [];
  let certain = true;
  // Whether the last token is a string with escapes: one that follows on another line goes on with them.
  let escapes = false;
  let lastString: Token | undefined;
  let at = 0;
  while (at < text.length) {
    const character = text[at] as string;
    if (character === ' ' || (character >= '\t' && character <= '\r')) {
      at += 1;
    } else if (character === '-' && text[at + 1] === '-') {
      at = endOfLine(text, at);
    } else if (character === '/' && text[at + 1] === '*') {
      at = endOfComment(text, at);
    } else if (character === "'") {
      const previous = tokens.at(-1);
      const prefix = previous?.kind === 'word' && previous.start + previous.text.length === at ? previous.text : '';
      escapes = ESCAPE_STRING_PREFIXES.has(prefix) || (escapes && previous === lastString);
      const end = endOfQuoted(text, at, escapes);
      if (!escapes && ESCAPED_QUOTE.test(text.slice(at, end))) certain = false;
      if (STRING_PREFIXES.has(prefix)) tokens.pop();
      lastString = { kind: 'other', text: "'", start: at };
      tokens.push(lastString);
      at = end;
    } else if (character === '"') {
      const end = endOfQuoted(text, at, false);
      tokens.push({ kind: 'name', text: text.slice(at + 1, end - 1).replaceAll('""', '"'), start: at });
      at = end;
    } else {
      const token = plainToken(text, at);
      tokens.push(token.token);
      at = token.end;
    }
  }
  return { tokens, certain };
}

function plainToken(text: string, start: number): { token: Token; end: number } {
  const character = text[start] as string;
  if (PUNCTUATION.has(character)) return { token: { kind: 'punctuation', text: character, start }, end: start + 1 };
  const word = matchAt(WORD, text, start);
  if (word !== undefined) return { token: { kind: 'word', text: word.toLowerCase(), start }, end: start + word.length };
  const tag = matchAt(DOLLAR_TAG, text, start);
  if (tag !== undefined) {
    const close = text.indexOf(tag, start + tag.length);
    return { token: { kind: 'other', text: '$', start }, end: close < 0 ? text.length : close + tag.length };
  }
  const number = matchAt(NUMBER, text, start);
  if (number !== undefined) return { token: { kind: 'other', text: number, start }, end: start + number.length };
  return { token: { kind: 'punctuation', text: text[start] as string, start }, end: start + 1 };
}

function matchAt(pattern: RegExp, text: string, start: number): string | undefined {
  pattern.lastIndex = start;
  return pattern.exec(text)?.[0];
}

function endOfLine(text: string, start: number): number {
  const newline = /[\n\r]/g;
  newline.lastIndex = start;
  return newline.exec(text)?.index ?? text.length;
}

function endOfComment(text: string, start: number): number {
  let depth = 0;
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  for (let match = mark.exec(text); match; match = mark.exec(text)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return text.length;
}

function endOfQuoted(text: string, start: number, escapes: boolean): number {
  const quote = text[start] as string;
  if (!escapes) {
    let close = text.indexOf(quote, start + 1);
    while (close >= 0 && text[close + 1] === quote) close = text.indexOf(quote, close + 2);
    return close < 0 ? text.length : close + 1;
  }
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === quote && text[at + 1] === quote) at += 1;
    else if (text[at] === quote) return at + 1;
  }
  return text.length;
}
