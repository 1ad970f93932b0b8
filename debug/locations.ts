/**
 * Locations of breakpoints, as gdb reads them: a function's name is where its body begins, behind what builds its
 * frame; FILE:LINE is that line or the next that has code, once a function; *ADDRESS and everything else is an address
 * to the byte. Functions in assembly have no frame to skip.
 */
import { CommandError } from './error.ts';
import { location } from './expression.ts';
import type { Target } from './target.ts';

const LINE = /^(.*\w\.\w+):(\d+)$/;
const NAME = /^(?:[\w.-]+\.ko:)?[a-z_.][\w.]*$/i;
/** Eight digits are an address, as everywhere. */
const DIGITS = /^[0-9a-f]{8}$/i;

/** Is it an address that never changes, whatever is loaded? */
export function isFixed(text: string): boolean {
  const [, name] = /^\*?\s*([\w.]+(?::\w+)?)/.exec(text.trim()) ?? [];
  return name === undefined || /^\d/.test(name);
}

/**
 * Linear addresses. None for a name that a module to come may have (with `later`: for whatever cannot be found); else
 * throws a CommandError.
 */
export function locations(target: Target, text: string, later = false): number[] {
  text = text.trim();
  const line = LINE.exec(text);
  const named = !DIGITS.test(text) && NAME.test(text);
  const found = line ? ofLine(target, line[1], Number(line[2])) : named ? ofName(target, text) : [];
  if (found.length > 0) return [...new Set(found)].sort((a, b) => a - b);
  try {
    if (!line) return [location(target, text)];
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (later || (target.session && named)) return [];
    throw error;
  }
  if (later || target.session) return [];
  throw new CommandError(`no code for ${text}`);
}

/** Where a function's body begins. */
function ofName(target: Target, name: string): number[] {
  return target.symbols
    .find(name)
    .filter(s => s.code)
    .map(s => (isAssembly(target, s.start) ? s.start : target.bodyOf(s.start, s.end)));
}

/** Is the code at an address in assembly, as far as its lines say? */
export function isAssembly(target: Target, address: number): boolean {
  return /\.s$/i.test(target.lineRange(address)?.file ?? '');
}

/** The first address in each function. */
function ofLine(target: Target, file: string, line: number): number[] {
  const real = target.nextLine(file, line);
  if (real === undefined) return [];
  const first = new Map<unknown, number>();
  for (const address of target.addressesOf(file, real)) {
    const symbol = target.symbols.lookup(address)?.symbol ?? address;
    if (address < (first.get(symbol) ?? Number.POSITIVE_INFINITY)) first.set(symbol, address);
  }
  return [...first.entries()].map(([symbol, address]) => {
    // The line on which a function begins is its body, too.
    if (typeof symbol === 'object' && symbol !== null && 'start' in symbol && 'end' in symbol) {
      const { start, end } = symbol as { start: number; end: number };
      if (address === start && !isAssembly(target, address)) return target.bodyOf(start, end);
    }
    return address;
  });
}
