/**
 * An x87 vector in the making: prefixes, operand and code. Registers that no address is made of hold what is easy
 * to store. Encodings: Intel SDM vol. 2, chapter 2.1.
 */
import type { Encoding } from '../encoding.ts';
import { DATA, DATA_SIZE, LOW, RODATA } from '../format.ts';
import type { Random } from '../random.ts';

const [EBX, ESP, EBP, ESI, EDI] = [3, 4, 5, 6, 7];
const SEGMENT_PREFIX = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
/** Registers of 16-bit addresses by ModRM.rm. */
const PAIRS = [[EBX, ESI], [EBX, EDI], [EBP, ESI], [EBP, EDI], [ESI], [EDI], [EBP], [EBX]];

const le = (value: number, bytes: number) =>
  Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 0xff);

export class Draft {
  readonly random: Random;
  readonly encoding: Encoding;
  o32 = true;
  a32 = true;
  lock = false;
  segment = -1;
  readonly regs: number[];
  readonly codeOffset: number;
  /** Linear address of the memory operand; the segments are flat. */
  address = 0;
  private modrm: number[] = [];

  constructor(random: Random, encoding: Encoding) {
    this.random = random;
    this.encoding = encoding;
    this.regs = Array.from({ length: 8 }, (_, n) => (n * 0x11111111) | 0);
    this.regs[ESP] = DATA + 0x1800;
    this.codeOffset = random.chance(4) ? random.between(0xff2, 0xffe) : 0x800 + random.below(16);
  }

  /** Chooses a memory operand of `width` bytes: mostly good, often across pages, sometimes not there. */
  operand(width: number): void {
    this.address = this.place(width) >>> 0;
    if (this.a32) this.address32();
    else this.address16();
  }

  /** Where the operand lies from DATA, which LOW shows again; outside it is below 0 or from DATA_SIZE up. */
  get offset(): number {
    return this.address - (this.address < DATA ? LOW : DATA);
  }

  private place(width: number): number {
    const r = this.random;
    const base = this.a32 ? DATA : LOW;
    // Whole states are mostly where they fit.
    if (width >= 28 && r.chance(70)) return base + r.below(DATA_SIZE - width);
    const kind = r.below(100);
    if (kind < 45) return base + 0xfc0 + r.below(0x80);
    if (kind < 70) return base + (r.below(DATA_SIZE - 32) & ~3);
    if (kind < 90) return base + r.below(DATA_SIZE - 16);
    if (kind < 93) return base - r.between(1, width);
    if (kind < 96) return base + DATA_SIZE - r.between(0, width);
    if (!this.a32) return r.pick([0, 4, 0xfff0, 0xfff8, 0xb000, 0x7000]);
    if (kind < 98) return RODATA + r.below(0xff0);
    return r.pick([0, 8, 0x30000000, 0xc0000000, 0xffffff00, RODATA + 0x1000]);
  }

  private get reg(): number {
    return (this.encoding.modrm as number) << 3;
  }

  /** With a base of its own, a scaled index now and then, and no, a short or a long displacement. */
  private address32(): void {
    const r = this.random;
    if (r.chance(10)) {
      this.modrm = [this.reg | 5, ...le(this.address, 4)];
      return;
    }
    const base = r.pick([0, 1, 2, 3, 5, 6, 7]);
    const index = r.chance(40) ? r.pick([0, 1, 2, 3, 5, 6, 7].filter(n => n !== base)) : ESP;
    const scale = r.below(4);
    const mod = base === EBP ? r.between(1, 2) : r.below(3);
    const disp = mod === 0 ? 0 : mod === 1 ? r.between(-128, 127) : r.pick([0x1000, -0x1000, r.word()]);
    this.regs[base] = (this.address - (index === ESP ? 0 : this.regs[index] << scale) - disp) | 0;
    const sib = index === ESP ? [] : [(scale << 6) | (index << 3) | base];
    this.modrm = [
      (mod << 6) | this.reg | (sib.length ? 4 : base),
      ...sib,
      ...(mod ? le(disp, mod === 1 ? 1 : 4) : []),
    ];
  }

  private address16(): void {
    const r = this.random;
    const rm = r.below(8);
    const mod = r.below(3);
    if (mod === 0 && rm === 6) {
      this.modrm = [this.reg | 6, ...le(this.address, 2)];
      return;
    }
    const [base, index] = PAIRS[rm];
    const disp = mod === 0 ? 0 : mod === 1 ? r.between(-128, 127) : r.below(0x10000);
    const rest = index === undefined ? 0 : this.regs[index];
    this.regs[base] = (this.regs[base] & ~0xffff) | ((this.address - rest - disp) & 0xffff);
    this.modrm = [(mod << 6) | this.reg | rm, ...(mod ? le(disp, mod) : [])];
  }

  /** The instruction's bytes; `index` is ST(i) where the second byte names it. */
  assemble(index: number): number[] {
    const prefixes: number[] = [];
    const insert = (byte: number) => prefixes.splice(this.random.below(prefixes.length + 1), 0, byte);
    if (!this.o32) insert(0x66);
    if (!this.a32) insert(0x67);
    if (this.segment >= 0) insert(SEGMENT_PREFIX[this.segment]);
    if (this.lock) insert(0xf0);
    const { opcode, plusStack } = this.encoding;
    const code = [...prefixes, ...opcode];
    if (plusStack) code[code.length - 1] |= index;
    return [...code, ...this.modrm];
  }
}
