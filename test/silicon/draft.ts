/**
 * A vector in the making: prefixes, operand, registers and memory are chosen here for any ModRM row; what an
 * instruction needs beyond that is in recipes.ts. Encodings: Intel SDM vol. 2, chapter 2.1.
 */
import type { Encoding } from './encoding.ts';
import {
  CODE,
  CODE_SIZE,
  DATA,
  DATA_SIZE,
  FLAT_SEGMENTS,
  LOW,
  RODATA,
  type Vector,
  WRAP,
  WRAP_SIZE,
} from './format.ts';
import { type Segment, segmentOf } from './ldt.ts';
import type { Random } from './random.ts';

export const [EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI] = [0, 1, 2, 3, 4, 5, 6, 7];
const SEGMENT_PREFIX = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const ALWAYS_SET = 0x202;
const ARITHMETIC = [0x001, 0x004, 0x010, 0x040, 0x080, 0x800];
const DF = 0x400;
const TF = 0x100;
/** Linux sets CR0.AM, so that this checks alignment. */
const AC = 0x4_0000;
export const [ES, CS, SS, DS] = [0, 1, 2, 3];

export class Draft {
  readonly random: Random;
  readonly encoding: Encoding;
  /** The selectors with which the vector starts, and what they stand for. */
  readonly selectors: readonly number[];
  readonly segments: readonly Segment[];
  /** The code segment's default size is 32 bits. */
  readonly big: boolean;
  /** Operand and address size are 32 bits. */
  o32: boolean;
  a32: boolean;
  segment = -1;
  repeat = 0;
  lock = false;
  /** Prefix bytes beyond those that the fields above stand for. */
  extra: number[] = [];
  regs: number[];
  eflags: number;
  modrm: number[] = [];
  /** The reg field of ModRM, or the register in the opcode. */
  reg: number;
  /** Linear address of the memory operand, or -1. `addressRegs` are those that it was made from. */
  address = -1;
  addressRegs = new Set<number>();
  memory: number[] = [];
  memoryOffset = 0;
  immediates: number[] = [];
  /** A branch goes here (absolute) instead of by the immediate. */
  target: number | undefined;
  codeOffset: number;
  /** Linear address of the stack's top. */
  stackAt = 0;

  constructor(random: Random, encoding: Encoding, selectors: readonly number[] = FLAT_SEGMENTS) {
    this.random = random;
    this.encoding = encoding;
    this.selectors = selectors;
    this.segments = selectors.map(segmentOf);
    this.big = this.segments[CS].big;
    this.o32 = this.a32 = this.big;
    this.regs = Array.from({ length: 8 }, () => random.register());
    const spread = random.below(64) * 4 + (random.chance(8) ? random.below(4) : 0);
    const stack = this.segments[SS];
    this.setStack(stack.flat ? DATA + 0x1800 + spread : this.inside(SS, 4));
    this.eflags = this.flags();
    this.reg = typeof encoding.modrm === 'number' ? encoding.modrm : random.below(8);
    this.codeOffset = random.chance(4) ? random.between(0xff2, 0xffe) : 0x800 + random.below(16);
    if (random.chance(30)) this.o32 = !this.big;
    if (encoding.size) this.o32 = encoding.size === 32;
  }

  private flags(): number {
    const r = this.random;
    let f = ALWAYS_SET;
    if (r.chance(80)) for (const bit of ARITHMETIC) f |= r.chance(50) ? bit : 0;
    if (r.chance(15)) f |= DF;
    if (r.chance(1)) f |= TF;
    if (r.chance(4)) f |= AC;
    return f;
  }

  get operandBytes(): number {
    return this.o32 ? 4 : 2;
  }

  /** EIP of the instruction. */
  get eip(): number {
    return (CODE + this.codeOffset - this.segments[CS].base) | 0;
  }

  /** Puts the stack's top at a linear address: into ESP, or into SP with anything above it. */
  setStack(linear: number): void {
    const { base, big } = this.segments[SS];
    this.stackAt = linear >>> 0;
    if (big) this.regs[ESP] = (linear - base) | 0;
    else this.set16(ESP, linear - base);
  }

  /** A linear address whose offset in segment `s` is inside its limit, or at its edge for `bytes` bytes. */
  inside(s: number, bytes: number): number {
    const r = this.random;
    const { base, limit, down, good } = this.segments[s];
    const [first, last] = r.pick(good);
    const kind = r.below(100);
    let offset = r.between(first, last);
    if (kind < 35) offset = (down ? limit + 1 : limit + 1 - bytes) + r.pick([-bytes, -2, -1, 0, 0, 1, 2]);
    else if (kind < 45) offset = r.pick([first, last - bytes + 1, last, 0, 0xffff, 0xfffe, -1, -bytes]);
    else if (kind < 48) offset = r.value(4);
    return (base + offset) >>> 0;
  }

  /** Where a memory operand of `bytes` bytes in segment `s` may lie; a flat segment has the world's addresses. */
  spot(s: number, bytes: number): number {
    const segment = this.segments[s];
    return segment.flat ? this.place(bytes) : this.inside(s, bytes);
  }

  /** The offset of a linear address in segment `s`. */
  offsetIn(s: number, linear: number): number {
    return (linear - this.segments[s].base) | 0;
  }

  /** The segment of an operand whose default is `s`. */
  through(s: number): number {
    return this.segment >= 0 ? this.segment : s;
  }

  /** An address for an operand of `bytes` bytes: mostly good, often crossing pages, sometimes in a guard page. */
  place(bytes: number): number {
    const r = this.random;
    const kind = r.below(100);
    const base = this.a32 ? DATA : LOW;
    if (kind < 45) return base + 0xfc0 + r.below(0x80);
    if (kind < 70) return base + (r.below(DATA_SIZE - 32) & ~3);
    if (kind < 90) return base + r.below(DATA_SIZE - 16);
    if (kind < 93) return base - r.between(1, bytes);
    if (kind < 96) return base + DATA_SIZE - r.between(0, bytes);
    if (!this.a32) return r.pick([0, 4, 0xfffe, 0xffff, 0xb000, 0x7000]);
    if (kind < 98) return RODATA + r.below(0xff0);
    return r.pick([0, 8, 0x30000000, CODE + 0x10, CODE + 0xffd, 0xc0000000, 0xfffffff0, RODATA + 0x1000]);
  }

  /** Puts bytes under the linear `address` when it lies in DATA, LOW or WRAP. */
  fill(address: number, bytes: readonly number[]): void {
    const offset = dataOffset(address >>> 0);
    if (offset < 0) return;
    this.memoryOffset = offset;
    this.memory = bytes.slice(0, Math.min(32, DATA_SIZE - offset));
  }

  /** Chooses the ModRM operand; memory gets a value of `width` bytes. */
  operand(width: number): void {
    const { bound } = this.encoding;
    const r = this.random;
    const isReg = bound === 'r' || (bound !== 'm' && r.chance(45));
    if (isReg) {
      this.modrm = [0xc0 | (this.reg << 3) | r.below(8)];
      return;
    }
    if (r.chance(this.big ? 8 : 20)) this.a32 = !this.big;
    if (r.chance(this.isFlat ? 10 : 30)) this.segment = r.below(6);
    this.addressTo(s => this.spot(s, width));
    this.fill(this.address, this.bytes(width));
  }

  private get isFlat(): boolean {
    return this.segments.every(s => s.flat);
  }

  /** `width` bytes of edge values. */
  bytes(width: number): number[] {
    const out: number[] = [];
    const unit = width > 4 || width === 3 ? 4 : width;
    while (out.length < width) out.push(...le(this.random.value(unit), unit));
    return out.slice(0, width);
  }

  /**
   * Makes ModRM, SIB and displacement for a memory operand, setting registers where needed. `choose` gives the
   * linear address for the segment that the form goes through.
   */
  addressTo(choose: (segment: number) => number): void {
    if (this.a32) this.address32(choose);
    else this.address16(choose);
  }

  /** Settles the operand's address; gives its offset in the segment. */
  private aim(choose: (segment: number) => number, byStack: boolean): number {
    const s = this.through(byStack ? SS : DS);
    this.address = choose(s) >>> 0;
    return this.offsetIn(s, this.address);
  }

  private address32(choose: (segment: number) => number): void {
    const r = this.random;
    const reg = this.reg << 3;
    const mod = r.below(3);
    const useSib = r.chance(45);
    const base = r.below(8);
    if (!useSib && mod === 0 && (base === EBP || base === ESP || r.chance(20))) {
      this.modrm = [reg | 5, ...le(this.aim(choose, false), 4)];
      return;
    }
    const index = useSib ? r.below(8) : ESP;
    const scale = r.below(4);
    const scaled = index === ESP ? 0 : this.regs[index] << scale;
    const noBase = useSib && mod === 0 && base === EBP;
    const free = !noBase && (base !== index || index === ESP);
    const target = this.aim(choose, !noBase && (base === ESP || base === EBP));
    if (index !== ESP) this.addressRegs.add(index);
    if (!noBase) this.addressRegs.add(base);
    const sib = useSib || base === ESP ? [(scale << 6) | (index << 3) | base] : [];
    const rm = sib.length > 0 ? 4 : base;
    if (noBase || mod === 2 || !free || (!useSib && mod === 0 && base === EBP)) {
      const long = noBase ? 0 : 0x80;
      this.modrm = [long | reg | rm, ...sib, ...le(target - scaled - (noBase ? 0 : this.regs[base]), 4)];
      return;
    }
    const disp = mod === 1 ? r.pick([0, 1, 4, -4, 127, -128, r.between(-128, 127)]) : 0;
    this.regs[base] = (target - scaled - disp) | 0;
    if (base === ESP) this.stackAt = (this.regs[ESP] + this.segments[SS].base) >>> 0;
    this.modrm = [(mod << 6) | reg | rm, ...sib, ...(mod === 1 ? [disp & 0xff] : [])];
  }

  private address16(choose: (segment: number) => number): void {
    const r = this.random;
    const rm = r.below(8);
    const mod = r.below(3);
    const reg = this.reg << 3;
    const pairs = [[EBX, ESI], [EBX, EDI], [EBP, ESI], [EBP, EDI], [ESI], [EDI], [EBP], [EBX]];
    if (mod === 0 && rm === 6) {
      this.modrm = [reg | 6, ...le(this.aim(choose, false), 2)];
      return;
    }
    const [first, second] = pairs[rm];
    const target = this.aim(choose, first === EBP);
    this.addressRegs.add(first);
    const other = second === undefined ? 0 : this.regs[second];
    if (second !== undefined) this.addressRegs.add(second);
    const disp =
      mod === 0 ? 0 : mod === 1 ? r.between(-128, 127) : (target - other - this.regs[first]) & 0xffff;
    if (mod < 2) this.set16(first, target - other - disp);
    this.modrm = [(mod << 6) | reg | rm, ...(mod === 0 ? [] : le(disp, mod))];
  }

  /** Sets the low word of a register. */
  set16(reg: number, value: number): void {
    this.regs[reg] = (this.regs[reg] & ~0xffff) | (value & 0xffff);
  }

  /** An EIP in code segment `segment` where the vector may land: int3 in CODE, or unmapped, or past the limit. */
  landing(segment: Segment = this.segments[CS]): number {
    const r = this.random;
    if (!segment.flat) return this.landingIn(segment);
    if (!this.o32) return r.pick([0, 1, r.below(0x8000), 0xa000 + r.below(0x6000), 0xffff]);
    if (r.chance(15)) return r.pick([0, 0x30000000, CODE - 1, CODE + CODE_SIZE, 0xc0000000, 0x0fff]);
    return this.elsewhere(CODE + r.below(CODE_SIZE - 1));
  }

  private landingIn({ base, limit }: Segment): number {
    const r = this.random;
    if (r.chance(25))
      return r.pick([limit, limit - 1, limit + 1, limit + 2, 0xffff, 0x10000 + r.below(0x1000)]);
    if (r.chance(5)) return r.word();
    return this.elsewhere(base + r.below(CODE_SIZE - 1)) - base;
  }

  /** Not in the instruction itself. */
  private elsewhere(at: number): number {
    return Math.abs(at - CODE - this.codeOffset) < 48 ? at ^ 0x100 : at;
  }

  assemble(): number[] {
    const { opcode, plusReg, immediates } = this.encoding;
    const prefixes = [...this.extra];
    const insert = (byte: number) => prefixes.splice(this.random.below(prefixes.length + 1), 0, byte);
    if (this.o32 !== this.big) insert(0x66);
    if (this.a32 !== this.big) insert(0x67);
    if (this.segment >= 0) insert(SEGMENT_PREFIX[this.segment]);
    if (this.repeat) insert(this.repeat);
    if (this.lock) insert(0xf0);
    const code = [...prefixes, ...opcode];
    if (plusReg) code[code.length - 1] |= this.reg;
    code.push(...this.modrm);
    immediates.forEach((kind, n) => {
      const value = this.immediates[n] ?? this.random.value(4);
      const z = this.operandBytes;
      if (kind === 'ib' || kind === 'ibs') code.push(value & 0xff);
      else if (kind === 'iw') code.push(...le(value, 2));
      else if (kind === 'iz') code.push(...le(value, z));
      else if (kind === 'moffs') code.push(...le(value, this.a32 ? 4 : 2));
      else if (kind === 'far') code.push(...le(value, z), ...le(this.immediates[n + 1], 2));
      else this.relative(code, kind === 'rel8' ? 1 : z, value);
    });
    return code;
  }

  private relative(code: number[], bytes: number, value: number): void {
    const next = this.eip + code.length + bytes;
    const displacement = this.target === undefined ? value : this.target - next;
    code.push(...le(displacement, bytes));
  }

  vector(row: string): Vector {
    const code = this.assemble().slice(0, CODE_SIZE - this.codeOffset);
    const { codeOffset, eflags, eip, memory, memoryOffset } = this;
    const regs = this.regs.map(v => v | 0);
    return { row, code, codeOffset, regs, eflags, eip, memory, memoryOffset, segments: this.selectors };
  }
}

/** Where a linear address lies in DATA, by any of its mappings; -1 outside. */
export function dataOffset(linear: number): number {
  if (linear >= LOW && linear < LOW + DATA_SIZE) return linear - LOW;
  if (linear >= DATA && linear < DATA + DATA_SIZE) return linear - DATA;
  return linear >= WRAP && linear < WRAP + WRAP_SIZE ? linear - WRAP : -1;
}

/** The low `bytes` bytes of `value`, lowest first. */
export function le(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 0xff);
}
