/**
 * Addresses as the user writes them: numbers, `$registers`, symbols, `file:line`, joined by + and -; a leading `*`
 * reads the dword there; all else is C's. A location is the same, but its leading `*` means nothing, as in gdb's `break *ADDRESS`.
 */
import { CommandError } from './error.ts';
import type { Target } from './target.ts';

const GENERAL = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];

const TERM = /^(\$\w+|0x[0-9a-f]+|[\w.$@/-]*\w\.\w+:\d+|[a-z_.$][\w.$@]*(?:\.ko:\w+)?|[0-9][0-9a-f]*)/i;

/** Names that may be variables of the code at hand. */
const WORD = /(?<![\w$.:])[A-Za-z_]\w*(?![\w:])/g;

/** An unsigned 32-bit value. What is more than the above is C's where there is a source level. Throws a CommandError. */
export function evaluate(target: Target, text: string): number {
  const c = target.expressions;
  // A local variable hides symbols of its name.
  if (c && (text.match(WORD) ?? []).some(name => c.isLocal(name))) return c.address(text);
  try {
    return plain(target, text);
  } catch (error) {
    if (!c || !(error instanceof CommandError)) throw error;
    return withC(c.address, text, error);
  }
}

/** Made of nothing but what the above is made of. */
const PLAIN = /^[\w$+\-\s.:@/]*$/;

/** C's value; where it is no C either, what is wrong with it as an address. */
function withC(address: (text: string) => number, text: string, problem: CommandError): number {
  if (/:\d+$/.test(text)) throw problem;
  try {
    return address(text);
  } catch (error) {
    if (PLAIN.test(text) && error instanceof CommandError) throw problem;
    throw error;
  }
}

function plain(target: Target, text: string): number {
  let rest = text.trim();
  if (rest.startsWith('*')) return target.read(plain(target, rest.slice(1)), 4);
  let value = 0;
  let sign = 1;
  for (;;) {
    const term = TERM.exec(rest)?.[1];
    if (term === undefined) throw new CommandError(`not an address: ${text || '(nothing)'}`);
    value += sign * termValue(target, term);
    rest = rest.slice(term.length).trim();
    if (rest === '') return value >>> 0;
    if (rest[0] !== '+' && rest[0] !== '-') throw new CommandError(`not an address: ${text}`);
    sign = rest[0] === '+' ? 1 : -1;
    rest = rest.slice(1).trim();
  }
}

/** The address of code. Throws a CommandError. */
export function location(target: Target, text: string): number {
  const [, star, rest = ''] = /^(\*?)(.*)$/s.exec(text.trim()) ?? [];
  return star ? evaluate(target, rest) : plain(target, rest);
}

/** A register by its name, with or without `$`; undefined if there is none of that name. */
export function register(target: Target, name: string): number | undefined {
  const { cpu } = target.machine;
  const general = GENERAL.indexOf(name);
  if (general >= 0) return cpu.r32[general] >>> 0;
  switch (name) {
    case 'eip':
      return cpu.eip >>> 0;
    case 'pc':
      return target.pc();
    case 'sp':
      return target.esp();
    case 'eflags':
      return cpu.eflags >>> 0;
    case 'cr0':
      return cpu.cr0 >>> 0;
    case 'cr2':
      return cpu.cr2 >>> 0;
    case 'cr3':
      return cpu.cr3 >>> 0;
    case 'cr4':
      return cpu.cr4 >>> 0;
    default:
      return undefined;
  }
}

function termValue(target: Target, term: string): number {
  if (term.startsWith('$')) {
    const value = register(target, term.slice(1).toLowerCase());
    if (value === undefined) throw new CommandError(`no register ${term}`);
    return value;
  }
  if (/^0x/i.test(term)) return number32(Number(term), term);
  if (/^\d+$/.test(term) && term.length < 8) return Number(term);
  const symbol = target.symbols.address(term);
  if (symbol !== undefined) return symbol;
  const line = /^(.+):(\d+)$/.exec(term);
  if (line) {
    const found = target.addressesOf(line[1], Number(line[2]));
    if (found.length === 0) throw new CommandError(`no code for ${term}`);
    return found[0];
  }
  if (/^[0-9a-f]{8}$/i.test(term)) return Number.parseInt(term, 16);
  if (/^\d+$/.test(term)) return number32(Number(term), term);
  throw new CommandError(`no symbol ${term}`);
}

function number32(value: number, term: string): number {
  if (value > 0xffff_ffff) throw new CommandError(`${term} has more than 32 bits`);
  return value;
}
