/** The two readings of one instruction, compared; and what is known to differ, as data. */
import { type Reading, readOurs } from './ours.ts';
import { type TheirReading, Theirs } from './theirs.ts';

/** Where every instruction lies, and the bytes from one to the next. */
export const EIP = 0x1000;
export const STRIDE = 16;
const MAX_LENGTH = 15;

/**
 * Opcodes (with /digit where only some are meant) without a row yet, that iced-x86 decodes for this processor.
 * A test takes care that the list shrinks: an entry that is not needed any more fails.
 */
export const AWAITED: readonly string[] = [];

/** Opcodes on which we differ for good, with the reason. */
export const DIFFERENCES: ReadonlyMap<string, string> = new Map([
  ['0f0d', 'PREFETCH and PREFETCHW are NOPs to a processor without them'],
  ['0fff', 'UD0 has 32-bit operands in the manual and none that are used: #UD'],
  ['0fb9', 'UD1 has 32-bit operands in the manual and none that are used: #UD'],
  ['0f1c', 'CLDEMOTE is a NOP to a processor without it'],
  ['0f18', 'PREFETCHh is a NOP to a processor without SSE'],
]);

/** `0f` before a two-byte opcode; /digit of ModRM. */
function keysOf(bytes: Uint8Array, at: number): [string, string] {
  const hex = (b: number) => b.toString(16).padStart(2, '0');
  let end = at;
  while (isPrefix(bytes[end])) end++;
  let opcode = hex(bytes[end++]);
  if (opcode === '0f') opcode += hex(bytes[end++]);
  return [opcode, `${opcode}/${(bytes[end] >> 3) & 7}`];
}

export function isPrefix(b: number): boolean {
  return [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(b);
}

function sameSizes(ours: Reading, theirs: TheirReading): boolean {
  const operand = ours.o32 ? 32 : 16;
  const address = ours.a32 ? 32 : 16;
  return (
    (theirs.operandSize === 0 || theirs.operandSize === operand) &&
    (theirs.addressSize === 0 || theirs.addressSize === address)
  );
}

export class Comparison {
  /** Instructions compared, and of them those that both decode. */
  compared = 0;
  decoded = 0;
  /** Encodings of rows that iced agreed with. */
  readonly agreed = new Set<string>();
  /** Entries of AWAITED and DIFFERENCES that were needed. */
  readonly excused = new Set<string>();
  readonly disagreements = new Map<string, string[]>();

  /** Compares `count` instructions, one every STRIDE bytes, in code of `bits` bits. */
  batch(code: Uint8Array, count: number, bits: number): void {
    const theirs = new Theirs(code, EIP, bits);
    for (let n = 0; n < count; n++) this.one(code, n * STRIDE, bits, theirs.read(n * STRIDE));
    theirs.free();
  }

  private one(code: Uint8Array, at: number, bits: number, first: TheirReading | null): void {
    this.compared++;
    const ours = readOurs({ byte: n => code[at + n] }, EIP, bits);
    let theirs = first;
    if (theirs?.beyond) theirs = this.withoutRepeat(code, at, bits);
    if (theirs === null && ours === null) return;
    if (
      theirs !== null &&
      ours !== null &&
      ours.length === theirs.length &&
      ours.text === theirs.text &&
      sameSizes(ours, theirs)
    ) {
      this.decoded++;
      this.agreed.add(ours.row.enc);
      return;
    }
    const excuse = keysOf(code, at).find(key => AWAITED.includes(key) || DIFFERENCES.has(key));
    if (excuse && (!ours || !first || ours.length === first.length)) return void this.excused.add(excuse);
    const where = ours ? `${ours.row.enc} (${ours.row.form})` : keysOf(code, at)[1];
    const bytes = [...code.subarray(at, at + MAX_LENGTH)].map(b => b.toString(16).padStart(2, '0')).join(' ');
    const say = (r: Reading | TheirReading | null) => (r ? `${r.text} [${r.length}]` : 'refused');
    const list = this.disagreements.get(where) ?? [];
    this.disagreements.set(where, list);
    list.push(`${bits} bits: ${bytes}: ours ${say(ours)}, iced-x86 ${say(theirs)}`);
  }

  /**
   * An extension's instruction. Where F2 or F3 makes it one, a processor without the extension ignores the prefix:
   * the bytes are read again without. Null when they are none of ours then either.
   */
  private withoutRepeat(code: Uint8Array, at: number, bits: number): TheirReading | null {
    const bytes = [...code.subarray(at, at + STRIDE)];
    let prefixes = 0;
    while (prefixes < bytes.length && isPrefix(bytes[prefixes])) prefixes++;
    const kept = bytes.filter((b, n) => n >= prefixes || (b !== 0xf2 && b !== 0xf3));
    const dropped = bytes.length - kept.length;
    if (dropped === 0) return null;
    const theirs = new Theirs(Uint8Array.from([...kept, 0, 0, 0, 0]), EIP, bits);
    const reading = theirs.read(0);
    theirs.free();
    if (reading === null || reading.beyond || reading.length + dropped > MAX_LENGTH) return null;
    return { ...reading, length: reading.length + dropped };
  }
}
