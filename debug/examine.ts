/** gdb's `x` command: memory in a format, a size and a count. */
import { disassemble, lineText } from './disassembly.ts';
import { CommandError } from './error.ts';
import type { Target } from './target.ts';
import { hex8 } from './text.ts';

export interface Format {
  count: number;
  /** x hexadecimal, d signed, u unsigned, c characters, s string, i instructions. */
  letter: string;
  /** Bytes of a unit. */
  size: number;
}

const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4 };
const ROW_BYTES = 16;
const MAX_COUNT = 65536;
const MAX_STRING = 4096;

/** `8xw` and the like; what is absent is as in `previous`. Throws a CommandError. */
export function parseFormat(text: string, previous: Format): Format {
  const parts = /^(\d*)([xducsibhw]*)$/.exec(text);
  if (!parts) throw new CommandError(`bad format /${text}: a count, one of x d u c s i, one of b h w`);
  const count = parts[1] === '' ? 1 : Number(parts[1]);
  if (count < 1 || count > MAX_COUNT) throw new CommandError(`count ${parts[1]}: 1 to ${MAX_COUNT}`);
  let { letter } = previous;
  let size = 0;
  for (const c of parts[2]) {
    if (SIZES[c]) size = SIZES[c];
    else letter = c;
  }
  return {
    count,
    letter,
    size: size || (letter === 'c' ? 1 : letter === previous.letter ? previous.size : 4),
  };
}

/** What is at `address`, and the address behind it. Throws a CommandError if nothing can be read there. */
export function examine(
  target: Target,
  address: number,
  format: Format,
  physical: boolean,
): { text: string; next: number } {
  const { letter, count, size } = format;
  if (letter === 'i') return instructions(target, address, count, physical);
  if (letter === 's') return strings(target, address, count, physical);
  const perRow = ROW_BYTES / size;
  let text = '';
  for (let n = 0; n < count; n++) {
    const at = (address + n * size) >>> 0;
    if (n % perRow === 0) text += `${n ? '\n' : ''}${label(target, at, physical)}:`;
    const v = target.value(at, size, physical);
    if (v < 0) {
      if (n === 0) target.read(at, size, physical);
      text += '  (nothing to read)';
      break;
    }
    text += `  ${unit(v, letter, size)}`;
  }
  return { text: `${text}\n`, next: (address + count * size) >>> 0 };
}

function unit(v: number, letter: string, size: number): string {
  const signed = size === 4 ? v | 0 : (v << (32 - 8 * size)) >> (32 - 8 * size);
  if (letter === 'x') return `0x${v.toString(16).padStart(2 * size, '0')}`;
  if (letter === 'd') return String(signed);
  if (letter === 'u') return String(v);
  return `${signed} '${printable(v & 0xff)}'`;
}

function printable(byte: number): string {
  if (byte === 0x27 || byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
  if (byte === 0x0a) return '\\n';
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
}

function label(target: Target, address: number, physical: boolean): string {
  return physical ? hex8(address) : target.describe(address);
}

function strings(target: Target, address: number, count: number, physical: boolean) {
  let at = address;
  let text = '';
  for (let n = 0; n < count; n++) {
    if (n === 0) target.read(at, 1, physical);
    text += `${label(target, at, physical)}:  "`;
    let length = 0;
    let byte = target.byte(at, physical);
    for (; byte > 0 && length < MAX_STRING; length++) {
      text += printable(byte);
      at = (at + 1) >>> 0;
      byte = target.byte(at, physical);
    }
    text += length === MAX_STRING ? '"...\n' : '"\n';
    if (byte < 0) break;
    at = (at + 1) >>> 0;
  }
  return { text, next: at };
}

function instructions(target: Target, address: number, count: number, physical: boolean) {
  let at = address;
  let text = '';
  for (let n = 0; n < count; n++) {
    const line = disassemble(target, at, physical);
    if (!line) {
      if (n === 0) target.read(at, 1, physical);
      break;
    }
    text += physical ? `   ${hex8(at)}:  ${line.text}\n` : lineText(target, line);
    at = (at + line.length) >>> 0;
  }
  return { text, next: at };
}
