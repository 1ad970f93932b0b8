/**
 * Draws a fault of a type: "pick a random .text address, disassemble from the function's start, take the first
 * instruction that fits". When no instruction from there to the function's end fits, another address is picked.
 */
import type { Random } from '../../bench/farend/random.ts';
import type { Fault, FaultPatch, FaultTypeName } from '../model.ts';
import { type DriverCode, decode, functionAt, type Instruction, placeName } from './code.ts';
import type { Mutation, Rule } from './rule.ts';

/** Addresses that are tried before a type counts as impossible in this driver. */
const TRIES = 20_000;
const WORD = 4;

/** Makes a fault, or null when the driver has no place for it. */
export type Draw = (code: DriverCode, random: Random) => Fault | null;

/** Draws by a rule for instructions. */
export function byRule(type: FaultTypeName, rule: Rule): Draw {
  return (code, random) => {
    for (let n = 0; n < TRIES; n++) {
      const address = random.below(code.section.data.length);
      const fault = firstThatFits(type, rule, code, address, random);
      if (fault) return fault;
    }
    return null;
  };
}

function firstThatFits(
  type: FaultTypeName,
  rule: Rule,
  code: DriverCode,
  address: number,
  random: Random,
): Fault | null {
  const fn = functionAt(code, address);
  if (!fn) return null;
  for (let index = 0; index < fn.instructions.length; index++) {
    const i = fn.instructions[index];
    if (i.offset + i.length <= address) continue;
    const mutation = rule({ code, fn, index, i }, random);
    if (mutation) return describe(type, code, mutation);
  }
  return null;
}

/** TEXT: one random bit of the 32-bit word at a random address. */
export const textBit: Draw = (code, random) => {
  const { data } = code.section;
  const words = Math.floor(data.length / WORD);
  if (words === 0) return null;
  const offset = WORD * random.below(words) + random.below(WORD);
  const patch: FaultPatch[] = [{ offset, mask: 1 << random.below(8), value: 0, flip: true }];
  const i = functionAt(code, offset)?.instructions.find(
    e => offset >= e.offset && offset < e.offset + e.length,
  );
  return describe('TEXT', code, { offset: i?.offset ?? offset, length: i?.length ?? 1, patch });
};

/** HEAP: named by fractions alone. */
export const heapBit: Draw = (_code, random) => ({
  type: 'HEAP',
  after: 'one bit of a live object',
  parameters: { object: random.next(), where: random.next(), bit: random.below(8) },
});

/** The fault in words: place, instruction before and after. */
function describe(type: FaultTypeName, code: DriverCode, m: Mutation): Fault {
  const fn = functionAt(code, m.offset);
  const { data, name } = code.section;
  const old = fn?.instructions.filter(
    i => i.offset < m.offset + Math.max(1, m.length) && i.offset + i.length > m.offset,
  );
  const fault: Fault = {
    type,
    section: name,
    offset: m.offset,
    symbol: fn ? placeName(fn, m.offset) : 'between functions',
    before: old?.map(i => i.text).join('; ') ?? '',
    after: m.after ?? (old?.length ? patched(data, m, old) : ''),
  };
  if (m.patch) fault.patch = m.patch;
  if (m.parameters) fault.parameters = m.parameters;
  return fault;
}

/** What the processor will find from the first changed instruction to the end of the last, as far as it decodes. */
function patched(data: Uint8Array, m: Mutation, old: readonly Instruction[]): string {
  const start = old[0].offset;
  const end = old[old.length - 1].offset + old[old.length - 1].length;
  const bytes = data.slice();
  for (const p of m.patch ?? []) applyPatch(bytes, p);
  // A relocated field that is written over is linked to nothing any more.
  const kept = old.filter(i => i.relocation && !m.patch?.some(p => p.mask === 0xff));
  const names = new Map(kept.map(i => [i.offset + i.length - WORD, i.relocation]));
  const texts: string[] = [];
  for (const i of decode(bytes, start, Math.min(data.length, end + 15), names)) {
    if (i.offset >= end) break;
    texts.push(i.text);
  }
  return collapse(texts).join('; ') || '(bad)';
}

export function applyPatch(bytes: Uint8Array, { offset, mask, value, flip }: FaultPatch): void {
  bytes[offset] = flip ? bytes[offset] ^ mask : (bytes[offset] & ~mask) | (value & mask);
}

/** `nop; nop; nop` is `nop x3`. */
function collapse(texts: readonly string[]): string[] {
  const runs: { text: string; count: number }[] = [];
  for (const text of texts) {
    const last = runs.at(-1);
    if (last?.text === text) last.count++;
    else runs.push({ text, count: 1 });
  }
  return runs.map(({ text, count }) => (count > 1 ? `${text} x${count}` : text));
}
