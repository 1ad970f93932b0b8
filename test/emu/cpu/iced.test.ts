/**
 * Our decoder against iced-x86: length, form, operands and sizes of every one-, two- and three-byte opcode with
 * every ModRM byte and prefix in 16- and 32-bit code. Either both give the same, or both refuse.
 * What iced-x86 knows beyond our processor (iced/theirs.ts lists the features that we have) counts as refused.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { allRows } from '../../../emu/cpu/table.ts';
import { random } from '../engine/world.ts';
import { AWAITED, Comparison, DIFFERENCES, isPrefix, STRIDE } from './iced/compare.ts';

const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const PREFIX_SETS = [[], ...PREFIXES.map(p => [p]), [0x66, 0x67]];
const BITS = [32, 16];
const bytes = Array.from({ length: 256 }, (_, n) => n);

const ONE_BYTE = bytes.filter(b => !isPrefix(b) && b !== 0x0f).map(b => [b]);
const TWO_BYTE = bytes.filter(b => b !== 0x38 && b !== 0x3a).map(b => [0x0f, b]);
const THREE_BYTE = [0x38, 0x3a].flatMap(space => bytes.map(b => [0x0f, space, b]));

/** Opcodes of rows without ModRM, in hex: behind a prefix, a few random bytes after them are enough. */
const WITHOUT_MODRM = new Set(
  allRows.flatMap(({ enc }) => {
    const tokens = enc.split(' ');
    if (tokens.some(t => t.startsWith('/'))) return [];
    const opcode = tokens.filter(t => /^[0-9A-Fa-f]{2}$/.test(t)).map(t => Number.parseInt(t, 16));
    const last = opcode.pop()!;
    const count = tokens.includes('+r') ? 8 : 1;
    return Array.from({ length: count }, (_, r) => [...opcode, last + r].join());
  }),
);
const FEW = 8;
/** As docs/conformance.md says it. */
const COMPARED = 2_500_000;

/** 256 instructions of `opcode`, one for each ModRM byte, or a few; what follows it is random. */
function following(prefixes: readonly number[], opcode: readonly number[], next: () => number): Uint8Array {
  const few = prefixes.length > 0 && WITHOUT_MODRM.has(opcode.join());
  const count = few ? FEW : 256;
  const code = Uint8Array.from({ length: count * STRIDE }, next);
  for (let n = 0; n < count; n++) code.set([...prefixes, ...opcode, few ? next() : n], n * STRIDE);
  return code;
}

const whole = new Comparison();

/** Every opcode given, under each set of prefixes; what disagrees, two examples of each. */
function sweep(opcodes: readonly number[][], sets: readonly number[][]): string {
  const next = random(0x86);
  for (const bits of BITS)
    for (const prefixes of sets)
      for (const opcode of opcodes) {
        const code = following(prefixes, opcode, next);
        whole.batch(code, code.length / STRIDE, bits);
      }
  return told(whole);
}

function told({ disagreements }: Comparison): string {
  return [...disagreements]
    .map(([where, list]) => `${where}: ${list.length}\n  ${list[0]}\n  ${list[list.length - 1]}`)
    .join('\n');
}

describe('the decoder and iced-x86 agree on', () => {
  it('one-byte opcodes', () => expect(sweep(ONE_BYTE, PREFIX_SETS)).toBe(''));
  it('two-byte opcodes', () => expect(sweep(TWO_BYTE, PREFIX_SETS)).toBe(''));
  it('three-byte opcodes, which are all refused', () =>
    expect(sweep(THREE_BYTE, [[], [0x66], [0xf2], [0xf3]])).toBe(''));

  it('every SIB byte', () => {
    const comparison = new Comparison();
    const next = random(1);
    for (const bits of BITS)
      for (const prefix of [[], [0x67], [0x64], [0x2e]])
        for (const mod of [0, 1, 2])
          for (const reg of [0, 5]) {
            const code = Uint8Array.from({ length: 256 * STRIDE }, next);
            for (let sib = 0; sib < 256; sib++)
              code.set([...prefix, 0x8b, (mod << 6) | (reg << 3) | 4, sib], sib * STRIDE);
            comparison.batch(code, 256, bits);
          }
    expect(told(comparison)).toBe('');
  });

  it('prefixes in any order and number, and the limit of 15 bytes', () => {
    const comparison = new Comparison();
    const next = random(2);
    const count = 4096;
    for (const bits of BITS)
      for (let round = 0; round < 20; round++) {
        const code = Uint8Array.from({ length: count * STRIDE }, next);
        for (let n = 0; n < count; n++) {
          const at = n * STRIDE;
          const long = next() % 2 === 0 ? 15 : 4;
          for (let k = next() % long; k >= 0; k--) code[at + k] = PREFIXES[next() % PREFIXES.length];
        }
        comparison.batch(code, count, bits);
      }
    expect(told(comparison)).toBe('');
    expect(comparison.decoded).toBeGreaterThan(50_000);
  });
});

describe('of these comparisons', () => {
  it('there were many, and every row was in one', () => {
    expect(whole.compared).toBeGreaterThan(COMPARED);
    const page = readFileSync(`${import.meta.dirname}/../../../docs/conformance.md`, 'utf8');
    expect(page).toContain(`more than ${COMPARED.toLocaleString('en')} instructions`);
    expect(whole.decoded).toBeGreaterThan(900_000);
    const excused = (enc: string) => AWAITED.some(key => enc.toLowerCase().replaceAll(' ', '').includes(key));
    expect(
      allRows.filter(row => !whole.agreed.has(row.enc) && !excused(row.enc)).map(row => row.enc),
    ).toEqual([]);
  });

  it('the known exceptions are all needed', () => {
    const listed = [...AWAITED, ...DIFFERENCES.keys()];
    expect(listed.filter(key => !whole.excused.has(key))).toEqual([]);
  });
});
