/** The words of C expressions (C17, 6.4), and gdb's `$name` and `file.c::name`. */
import { CommandError } from '../error.ts';

/** Characters of an expression. */
export const MAX_TEXT = 4096;

export interface Token {
  kind: 'number' | 'string' | 'character' | 'word' | 'dollar' | 'operator' | 'scoped' | 'end';
  text: string;
  at: number;
}

const TOKEN = new RegExp(
  [
    /(?<blank>\s+)/,
    /(?<scoped>'[^']+'::[A-Za-z_]\w*|[\w./-]*[\w-]\.[chS]::[A-Za-z_]\w*|[A-Za-z_]\w*::[A-Za-z_]\w*)/,
    /(?<number>0[xX][0-9a-fA-F]+[uUlL]*|\d\w*)/,
    /(?<word>[A-Za-z_]\w*)/,
    /(?<dollar>\$\$?\w*)/,
    /(?<string>"(?:[^"\\]|\\.)*")/,
    /(?<character>'(?:[^'\\]|\\.[0-7a-fA-F]{0,2})')/,
    /(?<operator><<=|>>=|->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%&|^~!<>=?:.,()[\]{}@])/,
  ]
    .map(r => r.source)
    .join('|'),
  'y',
);

/** Throws a CommandError. */
export function tokens(text: string): Token[] {
  if (text.length > MAX_TEXT) throw new CommandError(`an expression of more than ${MAX_TEXT} characters`);
  const list: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const groups = TOKEN.exec(text)?.groups;
    if (!groups) throw new CommandError(`not an expression, at ${text.slice(at, at + 20)}`);
    const [kind, found] = Object.entries(groups).find(([, value]) => value !== undefined)!;
    if (kind !== 'blank') list.push({ kind: kind as Token['kind'], text: found, at });
  }
  list.push({ kind: 'end', text: '', at: text.length });
  return list;
}

const ESCAPES: Readonly<Record<string, number>> = {
  n: 10,
  t: 9,
  r: 13,
  a: 7,
  b: 8,
  f: 12,
  v: 11,
  e: 27,
};

/** The bytes of a literal's text. */
export function withoutEscapes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const [, code, plain] of text.matchAll(/\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|[\s\S])|([\s\S])/g)) {
    if (code === undefined) bytes.push(...new TextEncoder().encode(plain));
    else if (/^x./.test(code)) bytes.push(Number.parseInt(code.slice(1), 16));
    else if (/^[0-7]/.test(code)) bytes.push(Number.parseInt(code, 8) & 0xff);
    else bytes.push(ESCAPES[code] ?? code.charCodeAt(0) & 0xff);
  }
  return Uint8Array.from(bytes);
}
