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

// What is not ASCII is a letter to PostgreSQL, be it a space or an emoji to others. By character codes, since texts of
// several megabytes are scanned on the way to the server: comments nest, so that no expression would do anyway.
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const DOLLAR = 0x24;
const DOT = 0x2e;

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
    } else at = plainToken(text, at, tokens);
  }
  return { tokens, certain };
}

/** Adds the token that begins at `start` and is neither a string nor a quoted name; returns its end. */
function plainToken(text: string, start: number, tokens: Token[]): number {
  const code = text.charCodeAt(start);
  let end = start + 1;
  if (isLetter(code)) {
    while (isLetter(text.charCodeAt(end)) || isDigit(text.charCodeAt(end)) || text.charCodeAt(end) === DOLLAR) end += 1;
    tokens.push({ kind: 'word', text: text.slice(start, end).toLowerCase(), start });
  } else if (isDigit(code)) {
    while (isDigit(text.charCodeAt(end)) || isAsciiLetter(text.charCodeAt(end)) || text.charCodeAt(end) === DOT)
      end += 1;
    tokens.push({ kind: 'other', text: text.slice(start, end), start });
  } else if (code === DOLLAR) {
    return dollarToken(text, start, tokens);
  } else tokens.push({ kind: 'punctuation', text: text[start] as string, start });
  return end;
}

/** A string between dollars, a parameter, or a dollar by itself. */
function dollarToken(text: string, start: number, tokens: Token[]): number {
  DOLLAR_TAG.lastIndex = start;
  const tag = DOLLAR_TAG.exec(text)?.[0];
  if (tag !== undefined) {
    tokens.push({ kind: 'other', text: '$', start });
    const close = text.indexOf(tag, start + tag.length);
    return close < 0 ? text.length : close + tag.length;
  }
  let end = start + 1;
  while (isDigit(text.charCodeAt(end))) end += 1;
  tokens.push({ kind: end > start + 1 ? 'other' : 'punctuation', text: text.slice(start, end), start });
  return end;
}

// All of these are false for the NaN behind the end of a text.
function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isAsciiLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f;
}

function isLetter(code: number): boolean {
  return isAsciiLetter(code) || code >= 0x80;
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
