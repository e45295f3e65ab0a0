import { PURE_FUNCTIONS, RESERVED_BEFORE_PARENTHESIS } from './pure-functions.ts';
import { type Token, tokenize } from './sql-tokens.ts';

/**
 * How a statement has to be sent: `untouched` (transaction control, session settings, and what
 * cannot run in a transaction), `read` (provably cannot write), `write` (everything else).
 */
export type StatementKind = 'untouched' | 'read' | 'write';

/** One statement of a text. */
export interface ScannedStatement {
  readonly kind: StatementKind;
  /** Where its first word begins, as an index into the text. */
  readonly start: number;
}

/** What an adapter needs to know of the text that it is about to send. */
export interface ScannedText {
  readonly kind: StatementKind;
  /** The statements of the text; more than one makes it a script. */
  readonly statements: readonly ScannedStatement[];
  /** CALL or DO: it may end its own transaction, which no longer works once something ran before it. */
  readonly mayCommit: boolean;
  /** COPY, which has a protocol of its own. */
  readonly copies: boolean;
  /** COPY … TO STDOUT: some streams read its answer off the socket themselves. */
  readonly copiesOut: boolean;
  /** It may itself change the settings that were applied before it. */
  readonly changesSettings: boolean;
  /** It takes prepared statements away, also in a DO. */
  readonly forgetsStatements: boolean;
  /** It has parameters: sent without values it fails, and says so differently in each protocol. */
  readonly hasParameters: boolean;
  /** False where the end of a string depends on standard_conforming_strings, so the borders may be others. */
  readonly certain: boolean;
}

const UNTOUCHED = new Set(
  (
    'abort analyze begin checkpoint close cluster commit deallocate discard end listen load lock notify ' +
    'prepare release reindex reset rollback savepoint set show start unlisten vacuum'
  ).split(' '),
);
const READING = new Set(['select', 'values', 'table', 'with']);
// Within a statement that begins as one that reads. INSERT and MERGE come with INTO.
const WRITING = new Set(['update', 'delete', 'into']);
// What follows CREATE, DROP or ALTER and cannot run in a transaction.
const OUTSIDE_TRANSACTIONS = new Set(['database', 'tablespace', 'subscription', 'system']);

const cache = new Map<string, ScannedText>();
const CACHED_TEXTS = 2000;
const CACHED_LENGTH = 10_000;

/** What holds for a statement whose text cannot be seen: anything may happen. */
const UNSEEN: ScannedText = {
  kind: 'write',
  statements: [{ kind: 'write', start: 0 }],
  mayCommit: false,
  copies: false,
  copiesOut: false,
  changesSettings: true,
  forgetsStatements: false,
  hasParameters: true,
  certain: false,
};

/** Says how `text` has to be sent; a text that is no string counts as unseen. Remembers the answers for the texts seen last. */
export function scanStatement(text: unknown): ScannedText {
  if (typeof text !== 'string') return UNSEEN;
  const known = cache.get(text);
  if (known) return known;
  const scanned = scan(text);
  if (text.length <= CACHED_LENGTH) {
    if (cache.size >= CACHED_TEXTS) cache.clear();
    cache.set(text, scanned);
  }
  return scanned;
}

function scan(text: string): ScannedText {
  const { tokens, certain } = tokenize(text);
  const statements = split(tokens, certain).map((statement) => scanOne(statement, certain));
  const single = statements.length === 1 ? statements[0] : undefined;
  const mayCommit = single?.first === 'call' || single?.first === 'do';
  return {
    kind: kindOfText(statements, certain),
    statements,
    mayCommit,
    copies: statements.some((statement) => statement.first === 'copy'),
    copiesOut: single?.first === 'copy' && tokens.some((token) => token.kind === 'word' && token.text === 'stdout'),
    changesSettings:
      statements.length > 1 ||
      !certain ||
      tokens.some((token) => token.kind !== 'other' && token.text === 'set_config'),
    forgetsStatements:
      (mayCommit && /discard|deallocate/i.test(text)) || statements.some((statement) => statement.forgetsAll),
    hasParameters: tokens.some(
      (token) => token.kind === 'other' && token.text.length > 1 && token.text.startsWith('$'),
    ),
    certain,
  };
}

function kindOfText(statements: readonly ScannedStatement[], certain: boolean): StatementKind {
  const kinds = new Set(statements.map((statement) => statement.kind));
  if (kinds.has('write')) return 'write';
  if (!certain) return kinds.has('untouched') ? 'untouched' : 'write';
  return kinds.has('untouched') ? 'untouched' : 'read';
}

function split(tokens: readonly Token[], certain: boolean): readonly (readonly Token[])[] {
  const statements: (readonly Token[])[] = [];
  let begin = 0;
  // BEGIN ATOMIC … END in CREATE FUNCTION holds semicolons of its own.
  let atomic = 0;
  // So do the parentheses of CREATE RULE … DO ( … ; … ). Where the end of a string is uncertain, one may be in it.
  let depth = 0;
  tokens.forEach((token, index) => {
    if (certain && token.kind === 'punctuation' && token.text === '(') depth += 1;
    if (token.kind === 'punctuation' && token.text === ')') depth = Math.max(0, depth - 1);
    if (token.kind === 'word' && token.text === 'atomic' && isWord(tokens[index - 1], 'begin')) atomic += 1;
    else if (atomic > 0 && isWord(token, 'case')) atomic += 1;
    else if (atomic > 0 && isWord(token, 'end')) atomic -= 1;
    if (token.text !== ';' || token.kind !== 'punctuation' || atomic > 0 || depth > 0) return;
    statements.push(tokens.slice(begin, index));
    begin = index + 1;
  });
  // Most texts are one statement, however long it is: not copied.
  statements.push(begin === 0 ? tokens : tokens.slice(begin));
  return statements.filter((statement) => statement.length > 0);
}

interface Scanned extends ScannedStatement {
  readonly first: string;
  /** DISCARD or DEALLOCATE of everything, or of a statement of ours; otherwise ours stay there. */
  readonly forgetsAll: boolean;
}

function scanOne(all: readonly Token[], certain: boolean): Scanned {
  const begin = all.findIndex((token) => token.text !== '(');
  const tokens = begin === 0 ? all : all.slice(begin);
  const first = tokens[0]?.kind === 'word' ? tokens[0].text : '';
  return {
    kind: kindOfStatement(first, tokens, certain),
    start: all[0]?.start ?? 0,
    first,
    forgetsAll:
      (first === 'discard' || first === 'deallocate') && /^(?:all$|threadline_)/.test(tokens.at(-1)?.text ?? ''),
  };
}

function kindOfStatement(first: string, tokens: readonly Token[], certain: boolean): StatementKind {
  if (UNTOUCHED.has(first)) return 'untouched';
  if (first === 'declare') return tokens.some((token) => isWord(token, 'hold')) ? 'write' : 'untouched';
  if (first === 'create' || first === 'drop' || first === 'alter') return kindOfDefinition(tokens);
  if (first === 'copy') return certain && copyReads(tokens) ? 'read' : 'write';
  return certain && READING.has(first) && reads(tokens) ? 'read' : 'write';
}

function kindOfDefinition(tokens: readonly Token[]): StatementKind {
  const words = tokens.filter((token) => token.kind === 'word').map((token) => token.text);
  return OUTSIDE_TRANSACTIONS.has(words[1] ?? '') || words.includes('concurrently') ? 'untouched' : 'write';
}

/** COPY of a table or of a reading query, to the client. */
function copyReads(tokens: readonly Token[]): boolean {
  const ofQuery = tokens[1]?.text === '(';
  const close = ofQuery ? endOfParenthesis(tokens, 1) : 0;
  const words = tokens.slice(close).filter((token) => token.kind === 'word');
  const outward = words.some((token) => token.text === 'to') && !words.some((token) => token.text === 'from');
  if (!outward || words.some((token) => token.text === 'program')) return false;
  return !ofQuery || reads(tokens.slice(2, close));
}

function endOfParenthesis(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index += 1) {
    const token = tokens[index];
    if (token?.kind !== 'punctuation') continue;
    if (token.text === '(') depth += 1;
    if (token.text === ')') depth -= 1;
    if (depth === 0) return index;
  }
  return tokens.length;
}

function reads(tokens: readonly Token[]): boolean {
  return tokens.every((token, index) => {
    if (token.kind === 'word' && WRITING.has(token.text)) return isLockingClause(tokens, index);
    return !isUnknownCall(tokens, index);
  });
}

/** FOR UPDATE and FOR NO KEY UPDATE lock rows; they change none. */
function isLockingClause(tokens: readonly Token[], index: number): boolean {
  return tokens[index]?.text === 'update' && (isWord(tokens[index - 1], 'for') || isWord(tokens[index - 1], 'key'));
}

function isUnknownCall(tokens: readonly Token[], index: number): boolean {
  const token = tokens[index] as Token;
  const next = tokens[index + 1];
  if (next?.kind !== 'punctuation' || next.text !== '(') return false;
  if (token.kind === 'name') return true;
  if (token.kind !== 'word') return false;
  const before = tokens[index - 1];
  if (before?.text === '.') return !(isWord(tokens[index - 2], 'pg_catalog') && PURE_FUNCTIONS.has(token.text));
  if (token.text === 'over' || token.text === 'filter') return before?.text !== ')';
  return (
    !PURE_FUNCTIONS.has(token.text) && !RESERVED_BEFORE_PARENTHESIS.has(token.text) && !isClauseWord(token, before)
  );
}

/** Words that are no function only in their place: `AS MATERIALIZED (`, `WITHIN GROUP (`, `key` of a locking clause. */
function isClauseWord(token: Token, before: Token | undefined): boolean {
  return token.text === 'materialized' && (isWord(before, 'as') || isWord(before, 'not'));
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text;
}
