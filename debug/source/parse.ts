/**
 * C expressions (C17, 6.5) as a tree, with gdb's additions: `$register`, `$`, `$1`, `$$`, `file.c::name`,
 * `function::name`, `ARRAY@COUNT` and `{TYPE} ADDRESS`. A text may also be the name of a type.
 *
 * Left out: calls, compound literals, the comma, increments, floating-point and wide literals.
 */
import { ATE } from '../../guest/dwarf/constants.ts';
import {
  arrayOf,
  base,
  type CType,
  INT,
  LONG_LONG,
  pointerTo,
  UNSIGNED,
  UNSIGNED_LONG_LONG,
  VOID,
} from '../../guest/dwarf/types.ts';
import { CommandError } from '../error.ts';
import { MAX_TEXT, type Token, tokens, withoutEscapes } from './tokens.ts';

export type Node =
  | { is: 'number'; value: bigint; type: CType }
  | { is: 'string'; bytes: Uint8Array }
  /** `of`: the file or function that it belongs to. */
  | { is: 'name'; name: string; of?: string }
  | { is: 'register'; name: string }
  /** A value of the history by its number, or counted back from the last. */
  | { is: 'history'; number: number; back: boolean }
  | { is: 'unary'; operator: string; of: Node }
  | { is: 'binary'; operator: string; left: Node; right: Node }
  /** `operator` is empty for plain assignment. */
  | { is: 'assign'; operator: string; left: Node; right: Node }
  | { is: 'conditional'; test: Node; then: Node; otherwise: Node }
  | { is: 'member'; of: Node; name: string }
  | { is: 'index'; of: Node; index: Node }
  | { is: 'cast'; type: CType; of: Node }
  /** `{TYPE} ADDRESS`. */
  | { is: 'at'; type: CType; of: Node }
  | { is: 'sizeof'; of: Node }
  | { is: 'type'; type: CType };

/** What names of types mean. */
export interface TypeNames {
  /** The type of that name (`struct x`, `u32`), if there is one and nothing nearer hides it. */
  type(name: string): CType | undefined;
}

const MAX_DEPTH = 100;

export const CHARACTER = base('char', 1, ATE.signedChar);

/** Lowest first; gdb's `@` binds between shifts and sums. */
const BINARY: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['@'],
  ['+', '-'],
  ['*', '/', '%'],
];
const ASSIGNMENTS = ['=', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<=', '>>='];

/** Words that only types consist of; with counts of `long`, in the order that names them. */
const TYPE_WORDS = ['unsigned', 'signed', 'char', 'short', 'int', 'long', 'void', '_Bool', 'float', 'double'];
const QUALIFIERS = ['const', 'volatile', 'restrict', 'register'];
const TAGS = ['struct', 'union', 'enum'];

/** Throws a CommandError. */
export function parseExpression(text: string, names: TypeNames): Node {
  const parser = new Parser(text, names);
  const node = parser.typeAlone() ?? parser.expression();
  parser.end();
  return node;
}

class Parser {
  private readonly text: string;
  private readonly names: TypeNames;
  private readonly list: Token[];
  private at = 0;
  private depth = 0;

  constructor(text: string, names: TypeNames) {
    this.text = text;
    this.names = names;
    this.list = tokens(text);
    if (this.list.length === 1) throw new CommandError('an expression is needed');
  }

  private get token(): Token {
    return this.list[this.at];
  }

  private next(): Token {
    return this.list[this.token.kind === 'end' ? this.at : this.at++];
  }

  private is(text: string): boolean {
    return this.token.kind === 'operator' && this.token.text === text;
  }

  private take(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  private expect(text: string): void {
    if (!this.take(text)) this.wrong(`${text} is missing`);
  }

  private wrong(why: string): never {
    const rest = this.text.slice(this.token.at, this.token.at + 20);
    throw new CommandError(`not an expression: ${why}${rest ? ` at ${rest}` : ' at its end'}`);
  }

  end(): void {
    if (this.token.kind !== 'end') this.wrong('too much');
  }

  private nested<T>(parse: () => T): T {
    if (++this.depth > MAX_DEPTH) throw new CommandError('an expression that is nested too deep');
    try {
      return parse();
    } finally {
      this.depth--;
    }
  }

  // ---- expressions -----------------------------------------------------------------------------------------------------

  expression(): Node {
    return this.nested(() => {
      const left = this.conditional();
      if (this.token.kind !== 'operator' || !ASSIGNMENTS.includes(this.token.text)) return left;
      const operator = this.next().text.slice(0, -1);
      return { is: 'assign', operator, left, right: this.expression() };
    });
  }

  private conditional(): Node {
    const test = this.binary(0);
    if (!this.take('?')) return test;
    const then = this.expression();
    this.expect(':');
    return { is: 'conditional', test, then, otherwise: this.nested(() => this.conditional()) };
  }

  private binary(level: number): Node {
    if (level === BINARY.length) return this.unary();
    let left = this.binary(level + 1);
    // A long chain nests to the left: its evaluation would be deep.
    for (let n = 0; this.token.kind === 'operator' && BINARY[level].includes(this.token.text); n++) {
      if (n > MAX_TEXT / 16) this.wrong('too long');
      const operator = this.next().text;
      left = { is: 'binary', operator, left, right: this.binary(level + 1) };
    }
    return left;
  }

  private unary(): Node {
    return this.nested(() => {
      if (this.token.kind === 'operator' && '-+!~*&'.includes(this.token.text)) {
        const operator = this.next().text;
        return { is: 'unary', operator, of: this.unary() };
      }
      // `&&x` is no logic here.
      if (this.is('&&')) this.wrong('no left side');
      if (this.token.kind === 'word' && this.token.text === 'sizeof') {
        this.next();
        return { is: 'sizeof', of: this.parenthesized() ?? this.unary() };
      }
      if (this.is('(')) {
        const type = this.parenthesized();
        if (type) return { is: 'cast', type: type.type, of: this.unary() };
      }
      if (this.take('{')) {
        const type = this.typeName() ?? this.wrong('a type is missing');
        this.expect('}');
        return { is: 'at', type, of: this.unary() };
      }
      return this.postfix();
    });
  }

  /** `(TYPE)`; undefined, and nothing read, if it is something else. */
  private parenthesized(): Extract<Node, { is: 'type' }> | undefined {
    const start = this.at;
    if (!this.take('(')) return undefined;
    const type = this.typeName();
    if (type && this.take(')')) return { is: 'type', type };
    if (type) this.wrong(') is missing');
    this.at = start;
    return undefined;
  }

  private postfix(): Node {
    let node = this.primary();
    for (let n = 0; ; n++) {
      if (n > MAX_DEPTH) this.wrong('too long');
      if (this.take('[')) {
        node = { is: 'index', of: node, index: this.expression() };
        this.expect(']');
      } else if (this.take('.') || this.take('->')) {
        if (this.token.kind !== 'word') this.wrong("a member's name is missing");
        node = { is: 'member', of: node, name: this.next().text };
      } else if (this.is('(')) throw new CommandError('functions of the guest are not called');
      else return node;
    }
  }

  private primary(): Node {
    const { kind, text } = this.token;
    switch (kind) {
      case 'number':
        this.next();
        return this.number(text);
      case 'string':
        this.next();
        return { is: 'string', bytes: withoutEscapes(text.slice(1, -1)) };
      case 'character': {
        this.next();
        const byte = withoutEscapes(text.slice(1, -1))[0] ?? 0;
        return { is: 'number', value: BigInt.asIntN(8, BigInt(byte)), type: CHARACTER };
      }
      case 'dollar':
        this.next();
        return dollar(text);
      case 'scoped': {
        this.next();
        const [of, name] = text.split('::');
        return { is: 'name', name, of: of.replace(/^'|'$/g, '') };
      }
      case 'word':
        this.next();
        return { is: 'name', name: text };
      default:
        if (!this.take('(')) return this.wrong('a value is missing');
        return this.closed();
    }
  }

  private closed(): Node {
    const node = this.expression();
    this.expect(')');
    return node;
  }

  private number(text: string): Node {
    const [, digits = '', suffix = ''] = /^(0x[0-9a-f]+|\d+)([ul]*)$/i.exec(text) ?? [];
    // Eight digits with letters among them are an address, as everywhere in the debugger.
    if (digits === '' && /^[0-9a-f]{8}$/i.test(text))
      return { is: 'number', value: BigInt(`0x${text}`), type: UNSIGNED };
    const octal = /^0\d+$/.test(digits);
    if (digits === '' || (octal && /[89]/.test(digits))) throw new CommandError(`${text} is no number`);
    const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
    if (value >= 1n << 64n) throw new CommandError(`${text} has more than 64 bits`);
    const decimal = /^[1-9]/.test(digits);
    const long = /ll/i.test(suffix);
    const unsigned = /u/i.test(suffix);
    const fits: [boolean, CType][] = [
      [!long && !unsigned && value < 1n << 31n, INT],
      [!long && (unsigned || !decimal) && value < 1n << 32n, UNSIGNED],
      [!unsigned && value < 1n << 63n, LONG_LONG],
    ];
    return { is: 'number', value, type: fits.find(([fit]) => fit)?.[1] ?? UNSIGNED_LONG_LONG };
  }

  // ---- types -------------------------------------------------------------------------------------------------------------

  /** The whole text is the name of a type. */
  typeAlone(): Node | undefined {
    const start = this.at;
    const type = this.typeName();
    if (type && this.token.kind === 'end') return { is: 'type', type };
    this.at = start;
    return undefined;
  }

  /** A type's name; undefined, and nothing read, where none begins. */
  private typeName(): CType | undefined {
    const start = this.at;
    const core = this.specifiers();
    if (core) return this.declarator(core);
    this.at = start;
    return undefined;
  }

  private specifiers(): CType | undefined {
    const words: string[] = [];
    let found: CType | undefined;
    let qualified: 'const' | 'volatile' | undefined;
    while (this.token.kind === 'word') {
      const { text } = this.token;
      if (QUALIFIERS.includes(text)) {
        if (text === 'const' || text === 'volatile') qualified = text;
      } else if (TAGS.includes(text) && !found && words.length === 0) {
        this.next();
        const tag = `${text} ${this.token.text}`;
        if (this.token.kind !== 'word') return this.wrong('a name is missing');
        found = this.names.type(tag);
        if (!found) throw new CommandError(`no ${tag} in the debug information`);
      } else if (TYPE_WORDS.includes(text) && !found) words.push(text);
      else if (!found && words.length === 0) {
        found = this.names.type(text);
        if (!found) break;
      } else break;
      this.next();
    }
    found ??= words.length > 0 ? this.baseType(words) : undefined;
    return found && qualified ? { kind: qualified, to: found } : found;
  }

  private baseType(words: string[]): CType {
    const count = (word: string) => words.filter(w => w === word).length;
    const unsigned = count('unsigned') > 0;
    const sign = (name: string, size: number) =>
      base(`${unsigned ? 'unsigned ' : ''}${name}`, size, unsigned ? ATE.unsigned : ATE.signed);
    if (count('void')) return VOID;
    if (count('_Bool')) return base('_Bool', 1, ATE.boolean);
    if (count('float')) return base('float', 4, ATE.float);
    if (count('double')) return base('double', 8, ATE.float);
    if (count('char'))
      return unsigned
        ? base('unsigned char', 1, ATE.unsignedChar)
        : base(count('signed') ? 'signed char' : 'char', 1, ATE.signedChar);
    if (count('short')) return sign('short', 2);
    if (count('long') > 1) return sign('long long', 8);
    if (count('long')) return sign('long', 4);
    return unsigned ? UNSIGNED : INT;
  }

  /** An abstract declarator: `*`, `[4]`, `(*)(...)`. */
  private declarator(type: CType): CType {
    return this.nested(() => {
      while (this.is('*') || (this.token.kind === 'word' && QUALIFIERS.includes(this.token.text))) {
        const { text } = this.next();
        if (text === '*') type = pointerTo(type);
        else if (text === 'const' || text === 'volatile') type = { kind: text, to: type };
      }
      if (this.is('(') && this.list[this.at + 1].text === '*') return this.grouped(type);
      return this.suffixes(type);
    });
  }

  /** `(*...)` and what follows: the inner part applies last. */
  private grouped(type: CType): CType {
    this.next();
    const inside = this.at;
    for (let open = 1; open > 0; ) {
      if (this.token.kind === 'end') this.wrong(') is missing');
      const { text } = this.next();
      if (text === '(') open++;
      else if (text === ')') open--;
    }
    const outer = this.suffixes(type);
    const behind = this.at;
    this.at = inside;
    const whole = this.declarator(outer);
    this.expect(')');
    this.at = behind;
    return whole;
  }

  private suffixes(type: CType): CType {
    const counts: (number | undefined)[] = [];
    while (this.take('[')) {
      const { kind, text } = this.token;
      if (kind === 'number') this.next();
      const count = kind === 'number' ? Number(text) : undefined;
      if (count !== undefined && !(Number.isInteger(count) && count < 2 ** 31)) this.wrong('no size');
      if (counts.length > 8) this.wrong('too many dimensions');
      counts.push(count);
      this.expect(']');
    }
    for (const count of counts.reverse()) type = arrayOf(type, count);
    if (counts.length === 0 && this.take('(')) {
      const parameters: { type: CType }[] = [];
      let variadic = false;
      while (!this.take(')')) {
        if (this.take('.')) variadic = true;
        else parameters.push({ type: this.typeName() ?? this.wrong('a type is missing') });
        if (!this.is(')') && !this.is('.')) this.expect(',');
      }
      const none = parameters.length === 1 && parameters[0].type.kind === 'void';
      return {
        kind: 'function',
        returns: type,
        parameters: none ? [] : parameters,
        variadic,
        prototyped: parameters.length > 0,
      };
    }
    return type;
  }
}

function dollar(text: string): Node {
  const [, dollars = '', rest = ''] = /^(\$\$?)(\w*)$/.exec(text) ?? [];
  if (rest === '') return { is: 'history', number: dollars.length - 1, back: true };
  if (/^\d{1,9}$/.test(rest)) return { is: 'history', number: Number(rest), back: dollars === '$$' };
  return { is: 'register', name: rest };
}
