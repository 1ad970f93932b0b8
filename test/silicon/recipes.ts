/**
 * What single instructions need beyond a random operand: pointers for implicit memory, divisors that divide,
 * targets that exist, selectors. Found by opcode (Encoding.key), so that names in the rows may change.
 */

import { type Draft, DS, dataOffset, EAX, EBP, EBX, ECX, EDI, EDX, ES, ESI, ESP, le, SS } from './draft.ts';
import { DATA, DATA_SIZE, LOW, patternByte } from './format.ts';
import {
  farDirect,
  farIndirect,
  farReturn,
  flagsImage,
  indirect,
  interruptReturn,
  loadPointer,
  loadSegment,
  loop,
  nearReturn,
  popSegment,
  type Recipe,
  relative,
  short,
  stack,
  verifyWrite,
} from './transfers.ts';

/** The lengths at which shifts and rotates change their ways. */
const COUNTS = [
  0, 0, 1, 1, 2, 7, 8, 9, 15, 16, 17, 18, 24, 25, 27, 31, 32, 33, 34, 63, 64, 65, 127, 128, 255,
];

const push: Recipe = d => stack(d);
const pop: Recipe = d => stack(d, [d.random.value(4), d.random.value(4)]);

const EXTREMES = [
  0n,
  1n,
  -1n,
  0x7fn,
  0x80n,
  -0x80n,
  -0x81n,
  0xffn,
  0x100n,
  0x7fffn,
  0x8000n,
  -0x8000n,
  -0x8001n,
];
EXTREMES.push(
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  -0x80000000n,
  -0x80000001n,
  0xffffffffn,
  0x100000000n,
);

/** The divisor that ModRM names, as a number of `bits` bits. */
function divisorOf(d: Draft, bits: number, signed: boolean): bigint {
  const rm = d.modrm[0] & 7;
  const high = bits === 8 && rm >= 4;
  const register = high ? d.regs[rm - 4] >> 8 : d.regs[rm];
  const raw = BigInt(d.address < 0 ? register : d.memory.reduceRight((v, b) => (v << 8) | b, 0));
  return signed ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw);
}

/** Makes the dividend for a quotient at the edges of what fits, when the divisor is not part of it. */
function dividend(d: Draft, bytes: number, signed: boolean): void {
  const rm = d.modrm[0] & 7;
  const shared = bytes === 1 ? rm % 4 === EAX : rm === EAX || rm === EDX;
  if (d.address < 0 ? shared : d.addressRegs.has(EAX) || d.addressRegs.has(EDX)) return;
  const bits = 8 * bytes;
  const divisor = divisorOf(d, bits, signed);
  if (divisor === 0n) return;
  const size = divisor < 0n ? -divisor : divisor;
  const rest = d.random.pick([0n, 1n, size - 1n, size / 2n]) % size;
  const product = d.random.pick(EXTREMES) * divisor;
  const n = product < 0n ? product - rest : product + rest;
  const low = Number(BigInt.asUintN(bits, n));
  const high = Number(BigInt.asUintN(bits, n >> BigInt(bits)));
  if (bytes === 1) d.set16(EAX, low | (high << 8));
  else if (bytes === 2) {
    d.set16(EAX, low);
    d.set16(EDX, high);
  } else {
    d.regs[EAX] = low | 0;
    d.regs[EDX] = high | 0;
  }
}

function divide(width: 1 | 0, signed: boolean): Recipe {
  return d => {
    const r = d.random;
    const bytes = width || d.operandBytes;
    const mask = bytes === 4 ? -1 : (1 << (8 * bytes)) - 1;
    if (d.address >= 0 && r.chance(60))
      d.fill(d.address, le(r.chance(50) ? r.between(1, 100) : r.word() | 1, bytes));
    if (r.chance(20)) return;
    if (r.chance(40)) return dividend(d, bytes, signed);
    // A high half that is small or the sign of the low half makes most quotients fit.
    const low = d.regs[EAX] & mask;
    const negative = bytes === 4 ? low < 0 : low >>> (8 * bytes - 1) !== 0;
    const high = (signed && negative && r.chance(80) ? mask : r.chance(60) ? 0 : r.below(16)) & mask;
    if (bytes === 1) d.regs[EAX] = (d.regs[EAX] & ~0xff00) | (high << 8);
    else d.regs[EDX] = (d.regs[EDX] & ~mask) | high;
  };
}

const shiftByCl: Recipe = d => {
  if (!d.addressRegs.has(ECX)) d.regs[ECX] = (d.regs[ECX] & ~0xff) | d.random.pick(COUNTS);
};
const shiftByImmediate: Recipe = d => {
  d.immediates = [d.random.pick(COUNTS)];
};

/** SHLD and SHRD: a count above 16 with 16-bit operands leaves the result itself undefined, so it is not asked for. */
function doubleShift(d: Draft, count: number): number {
  return d.o32 || (count & 31) <= 16 ? count : count & 15;
}

/** Makes the accumulator equal to the memory operand half of the time. */
function compareExchange(width: 1 | 0): Recipe {
  return d => {
    const bytes = width || d.operandBytes;
    if (d.address < 0 || d.memory.length < bytes || d.addressRegs.has(EAX) || d.random.chance(50)) return;
    for (let i = 0; i < bytes; i++)
      d.regs[EAX] = (d.regs[EAX] & ~(0xff << (8 * i))) | (d.memory[i] << (8 * i));
  };
}

const compareExchange8: Recipe = d => {
  const word = (at: number) =>
    d.memory[at] | (d.memory[at + 1] << 8) | (d.memory[at + 2] << 16) | (d.memory[at + 3] << 24);
  if (d.memory.length < 8 || d.addressRegs.has(EAX) || d.addressRegs.has(EDX) || d.random.chance(50)) return;
  d.regs[EAX] = word(0);
  d.regs[EDX] = d.random.chance(85) ? word(4) : d.regs[EDX];
};

/** A register bit offset reaches far beside the memory operand. */
const bitOffset: Recipe = d => {
  if (d.address >= 0 && !d.addressRegs.has(d.reg) && d.random.chance(75))
    d.regs[d.reg] = d.random.between(-300, 300);
};

function string(source: boolean, destination: boolean, bytes: 1 | 0): Recipe {
  return d => {
    const r = d.random;
    const size = bytes || d.operandBytes;
    if (r.chance(10)) d.a32 = !d.a32;
    if (r.chance(10)) d.segment = r.below(6);
    if (r.chance(50)) d.eflags ^= 0x400;
    const down = (d.eflags & 0x400) !== 0;
    const count = r.pick([0, 1, 2, 3, 5, 8, 13, 13, r.pick([63, 64, 65, 130])]);
    if (d.repeat) d.regs[ECX] = d.a32 ? count : (r.value(2) << 16) | count;
    const base = d.a32 ? DATA : LOW;
    const from = d.through(DS);
    const pointer = (s: number) => {
      const room = size * 8;
      if (!d.segments[s].flat) return d.inside(s, size * r.pick([1, 1, 2, 5]));
      if (r.chance(8)) return down ? base + r.below(room) : base + DATA_SIZE - 1 - r.below(room);
      return r.chance(50) ? base + 0xff0 + r.below(32) : base + r.between(256, DATA_SIZE - 256);
    };
    const put = (reg: number, s: number, at: number) => {
      const offset = d.offsetIn(s, at);
      d.regs[reg] = d.a32 ? offset : (r.value(2) << 16) | (offset & 0xffff);
    };
    const here = pointer(from);
    const to = !source
      ? pointer(ES)
      : r.chance(40)
        ? ((here + 64) & 0x1fff) | base
        : r.chance(30)
          ? here + r.between(-9, 9)
          : pointer(ES);
    if (source) put(ESI, from, here);
    if (destination) put(EDI, ES, to);
    if (!source && r.chance(50)) d.regs[EAX] = patternByte(dataOffset(to >>> 0)) * 0x01010101;
    const step = (down ? -size : size) * r.below(6);
    d.fill((destination ? to : here) + step, d.bytes(4));
    if (!source && r.chance(30)) d.regs[EAX] = le4(d.memory);
  };
}

function le4(bytes: readonly number[]): number {
  return bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24);
}

const enter: Recipe = d => {
  stack(d);
  const r = d.random;
  const frame = d.segments[SS].flat ? DATA + 0x400 + r.below(0x800) : d.inside(SS, d.operandBytes);
  if (r.chance(90)) d.regs[EBP] = d.offsetIn(SS, frame);
  d.immediates = [
    r.pick([0, 4, 16, 0x100, 0x800, 0x1000, 0xffff]),
    r.pick([0, 0, 1, 1, 2, 3, 5, 31, 32, 33, 255]),
  ];
};
const leave: Recipe = d => {
  const frame = d.segments[SS].flat ? d.stackAt : d.inside(SS, d.operandBytes);
  if (d.random.chance(90)) d.regs[EBP] = d.offsetIn(SS, frame);
  stack(d);
  d.fill(frame, d.bytes(4));
};

const translate: Recipe = d => {
  if (d.random.chance(10)) d.a32 = !d.a32;
  if (d.random.chance(15)) d.segment = d.random.below(6);
  const s = d.through(DS);
  const at = d.offsetIn(s, d.spot(s, 1)) - (d.regs[EAX] & 0xff);
  if (d.a32) d.regs[EBX] = at | 0;
  else d.set16(EBX, at);
};
const offset: Recipe = d => {
  if (d.random.chance(10)) d.a32 = !d.a32;
  if (d.random.chance(15)) d.segment = d.random.below(6);
  const s = d.through(DS);
  const at = d.spot(s, 4);
  d.immediates = [d.offsetIn(s, at)];
  d.fill(at, d.bytes(4));
};
const bound: Recipe = d => {
  const z = d.operandBytes;
  const low = d.random.value(z);
  d.fill(d.address, [...le(low, z), ...le(low + d.random.below(200), z)]);
  if (!d.addressRegs.has(d.reg) && d.reg !== ESP) d.regs[d.reg] = low + d.random.between(-2, 202);
};
/** LEA touches no memory: any address will do. */
const anyAddress: Recipe = d => {
  if (d.random.chance(60)) d.addressTo(() => d.random.value(4));
};
/** INT n: not 0x80, Linux's system call. */
const interrupt: Recipe = d => {
  d.immediates = [d.random.pick([0, 1, 2, 3, 3, 4, 4, 5, 6, 8, 13, 14, 0x20, 0x21, 0x7f, 0x81, 0xef, 0xff])];
};
const adjustByImmediate: Recipe = d => {
  d.immediates = [d.random.pick([10, 10, 10, 0, 1, 2, 16, 0x80, 0xff, d.random.below(256)])];
};
/** MOV to and from CR and DR: only registers that exist. LOCK MOV CR0 is AMD's MOV CR8. */
const control: Recipe = d => {
  existing(d, [0, 2, 3]);
  d.lock = false;
};
const debug: Recipe = d => existing(d, [0, 1, 2, 3, 6, 7]);
function existing(d: Draft, registers: readonly number[]): void {
  d.modrm = [0xc0 | (d.random.pick(registers) << 3) | d.random.below(8)];
}

const RECIPES = new Map<string, Recipe>();
function on(recipe: Recipe, ...keys: string[]): void {
  for (const key of keys) RECIPES.set(key, recipe);
}
/** Keys of opcodes `from` to `to` under a prefix byte. */
function range(from: number, to: number, prefix = ''): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => prefix + (from + i).toString(16).padStart(2, '0'));
}

on(push, ...range(0x50, 0x57), '06', '0e', '16', '1e', '0fa0', '0fa8', '60', '68', '6a', '9c', 'ff/6');
on(pop, ...range(0x58, 0x5f), '8f/0', '61');
on(d => stack(d, [flagsImage(d)]), '9d');
on(popSegment, '07', '17', '1f', '0fa1', '0fa9');
on(divide(1, false), 'f6/6');
on(divide(1, true), 'f6/7');
on(divide(0, false), 'f7/6');
on(divide(0, true), 'f7/7');
for (const digit of range(0, 7).map(k => k[1])) {
  on(shiftByCl, `d2/${digit}`, `d3/${digit}`);
  on(shiftByImmediate, `c0/${digit}`, `c1/${digit}`);
}
on(
  d => {
    d.immediates = [doubleShift(d, d.random.pick(COUNTS))];
  },
  '0fa4',
  '0fac',
);
on(
  d => {
    if (!d.addressRegs.has(ECX)) d.regs[ECX] = (d.regs[ECX] & ~0xff) | doubleShift(d, d.random.pick(COUNTS));
    else d.o32 = true;
  },
  '0fa5',
  '0fad',
);
on(compareExchange(1), '0fb0');
on(compareExchange(0), '0fb1');
on(compareExchange8, '0fc7/1');
on(bitOffset, '0fa3', '0fab', '0fb3', '0fbb');
on(string(true, true, 1), 'a4', 'a6');
on(string(true, true, 0), 'a5', 'a7');
on(string(false, true, 1), 'aa', 'ae');
on(string(false, true, 0), 'ab', 'af');
on(string(true, false, 1), 'ac');
on(string(true, false, 0), 'ad');
on(short, ...range(0x70, 0x7f), 'eb');
on(loop, ...range(0xe0, 0xe3));
on(relative, ...range(0x80, 0x8f, '0f'), 'e8', 'e9');
on(indirect, 'ff/2', 'ff/4');
on(farIndirect, 'ff/3', 'ff/5');
on(farDirect, '9a', 'ea');
on(nearReturn, 'c2', 'c3');
on(farReturn, 'ca', 'cb');
on(interruptReturn, 'cf');
on(loadSegment, '8e', '0f00/2', '0f00/3', '0f00/4', '63', '0f02', '0f03');
on(verifyWrite, '0f00/5');
on(loadPointer, 'c4', 'c5', '0fb2', '0fb4', '0fb5');
on(enter, 'c8');
on(leave, 'c9');
on(translate, 'd7');
on(offset, 'a0', 'a1', 'a2', 'a3');
on(bound, '62');
on(anyAddress, '8d');
on(interrupt, 'cd');
on(adjustByImmediate, 'd4', 'd5');
on(control, '0f20', '0f22');
on(debug, '0f21', '0f23');

export function recipeFor(key: string): Recipe | undefined {
  return RECIPES.get(key) ?? RECIPES.get(key.replace(/\/\d$/, ''));
}
