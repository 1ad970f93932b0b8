/**
 * Makes the vectors of the x87 oracle from the rows: every form, operand kinds, rounding and precision control, masked
 * and unmasked exceptions, exceptions that wait, empty and full registers, faults of memory operands; and the
 * encodings that have no row, for their #UD. The same for the same seed and rows.
 *
 * Left out: FISTTP (SSE3, which the host has and we have not), FNSTSW and others under CR0.TS or EM, which a process
 * cannot set (test/emu/cpu/fpu.test.ts has them), and single steps.
 */
import type { Row } from '../../../emu/cpu/row.ts';
import { type Encoding, parseEncoding } from '../encoding.ts';
import { DATA, DATA_SIZE } from '../format.ts';
import { Random } from '../random.ts';
import { Draft } from './draft.ts';
import { type FpuState, IMAGE, packState, type Vector } from './format.ts';
import { image, makePool, near } from './values.ts';

export type RowShape = Pick<Row, 'enc' | 'form'>;

const POOL = 3500;
const ALWAYS_SET = 0x202;
const ARITHMETIC = 0x8d5;
/** Linux sets CR0.AM, so that this checks alignment. */
const AC = 0x40000;
const EXCEPTIONS = 0x3f;

/** The row name of vectors whose encoding has no row. */
export const UNDEFINED_ROW = '#UD';
/** The register operands that these instructions read: stack indices, `i` for the one they name. */
const TRANSCENDENTAL = /^(F2XM1|FYL2XP?1?|FPTAN|FPATAN|FSIN|FCOS|FSINCOS)$/;

export function isTranscendental(form: string): boolean {
  return TRANSCENDENTAL.test(form);
}

class Maker {
  readonly random: Random;
  private readonly pool: readonly string[];

  constructor(random: Random, pool: readonly string[]) {
    this.random = random;
    this.pool = pool;
  }

  value(): string {
    // The pool begins with the edges.
    return this.random.chance(35) ? this.pool[this.random.below(130)] : this.random.pick(this.pool);
  }

  /** The significand is random, the exponent in [from, to] about 1's. */
  ranged(from: number, to: number): string {
    const r = this.random;
    const hi = r.chance(15) ? 0x80000000 : r.word() | 0x80000000;
    return image(r.below(2), 0x3fff + r.between(from, to), hi, r.chance(15) ? 0 : r.word());
  }

  control(): number {
    const r = this.random;
    const masks = r.chance(70) ? EXCEPTIONS : r.chance(50) ? r.below(64) : EXCEPTIONS & ~(1 << r.below(6));
    const precision = r.chance(55) ? 3 : r.pick([0, 2, 2, 0, 3, 1]);
    return 0x40 | masks | (precision << 8) | (r.below(4) << 10);
  }

  status(control: number): number {
    const r = this.random;
    const flags = r.chance(70) ? 0 : r.below(128);
    const waits = r.chance(4);
    return (
      (waits ? flags : flags & (control | 0x40)) |
      (r.below(8) << 11) |
      ((r.below(16) << 8) & 0x700) |
      (r.below(2) << 14)
    );
  }

  /** `used`: registers that should hold something; the one that a push takes should not, most of the time. */
  state(used: readonly number[], pushes: boolean): FpuState {
    const r = this.random;
    const control = this.control();
    const status = this.status(control);
    const top = (status >> 11) & 7;
    const filler = r.below(32);
    const st = Array.from({ length: 8 }, (_, n) => this.pool[42 + ((filler + n * 5) % 64)]);
    for (const n of used) st[n] = this.value();
    let full = r.chance(50) ? r.below(256) : 0xff;
    for (const n of used) if (!r.chance(4)) full |= 1 << ((top + n) & 7);
    if (pushes) full = r.chance(90) ? full & ~(1 << ((top + 7) & 7)) : full | (1 << ((top + 7) & 7));
    let tags = 0;
    for (let n = 0; n < 8; n++) tags |= ((full >> n) & 1 ? (r.chance(90) ? 0 : r.below(3)) : 3) << (2 * n);
    return {
      control,
      status,
      tags,
      fip: 0x1234_5678,
      fcs: 0x23,
      fop: 0x155,
      fdp: 0x2468_ace0,
      fds: 0x2b,
      st,
    };
  }
}

/** What of the stack a form reads, for choosing values. */
function usedBy(form: string, index: number): number[] {
  if (/^F(YL2X|YL2XP1|PATAN|PREM1?|SCALE)$/.test(form)) return [0, 1];
  if (/^(FCOMPP|FUCOMPP)$/.test(form)) return [0, 1];
  if (/^FLD ST/.test(form)) return [index];
  if (/^(FLD|FILD|FBLD|FNOP|FNSTCW|FLDCW|FNENI|FNDISI|FNSETPM|FNCLEX|FNINIT|WAIT)/.test(form)) return [];
  return /ST\(i\)/.test(form) ? [0, index] : [0];
}

function pushes(form: string): boolean {
  return /^(FLD(?!CW|ENV)|FILD|FBLD|FXTRACT|FPTAN|FSINCOS)/.test(form);
}

function memoryWidth(form: string, o32: boolean): number {
  if (form.includes('m14/28byte')) return o32 ? 28 : 14;
  if (form.includes('m94/108byte')) return o32 ? 108 : 94;
  if (form.includes('m2byte')) return 2;
  const m = /m(16|32|64|80)(fp|int|dec|bcd)/.exec(form);
  if (!m) throw new Error(`${form}: which memory operand?`);
  return Number(m[1]) / 8;
}

const FLOAT32 = [
  0, 1, 0x7fffff, 0x800000, 0x3f800000, 0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7f800001, 0x7fbfffff,
];
const FLOAT64 = [
  0, 1, 0x000fffff, 0x00100000, 0x3ff00000, 0x7fefffff, 0x7ff00000, 0x7ff80000, 0x7ff00001, 0x7ff7ffff,
];

/** The bytes of a memory operand of the kind that the form says. */
function operandBytes(m: Maker, form: string, width: number, state: FpuState): number[] {
  const r = m.random;
  const b = Buffer.alloc(width);
  const sign = () => (r.chance(50) ? 0x80000000 : 0);
  if (form.includes('m32fp')) {
    const kind = r.below(10);
    const bits =
      kind < 3
        ? r.pick(FLOAT32)
        : kind < 8
          ? 0x3f800000 + (r.between(-20, 20) << 23) + r.below(1 << 23)
          : r.word() & 0x7fffffff;
    b.writeInt32LE(bits | sign() | 0);
  } else if (form.includes('m64fp')) {
    const kind = r.below(10);
    const high =
      kind < 3
        ? r.pick(FLOAT64)
        : kind < 8
          ? 0x3ff00000 + (r.between(-20, 20) << 20) + r.below(1 << 20)
          : r.word() & 0x7fffffff;
    b.writeInt32LE(r.chance(40) ? r.pick([0, 0, 1, -1]) : r.word());
    b.writeInt32LE(high | sign() | 0, 4);
  } else if (form.includes('int') || form.includes('m2byte')) {
    for (let n = 0; n < width; n += 2) b.writeUInt16LE(r.value(2) & 0xffff, n);
    if (form.startsWith('FLDCW')) b.writeUInt16LE(r.chance(50) ? m.control() : r.below(0x10000));
  } else if (form.includes('m80dec')) {
    for (let n = 0; n < 9; n++) b[n] = r.chance(90) ? (r.below(10) << 4) | r.below(10) : r.below(256);
    b[9] = r.pick([0, 0x80, 0, 0x80, 0x7f, 0xff]);
    if (r.chance(10)) b.fill(0, 0, 9);
  } else if (form.includes('m80')) {
    const hex = m.value();
    for (let k = 0; k < 10; k++) b[9 - k] = Number.parseInt(hex.slice(2 * k, 2 * k + 2), 16);
  } else environment(m, b, width, state);
  return [...b];
}

/** A state to load: another one than the vector starts with. */
function environment(m: Maker, b: Buffer, width: number, state: FpuState): void {
  const r = m.random;
  const other = m.state([0, 1], false);
  const control = r.chance(50) ? other.control : r.below(0x10000);
  const status = r.chance(50) ? other.status : r.below(0x10000);
  const whole = Buffer.alloc(IMAGE);
  const loaded = { ...other, control, status, st: state.st.map((v, n) => (n < 2 ? other.st[n] : v)) };
  packState({ ...loaded, fip: r.word(), fdp: r.word(), fop: r.below(0x800), fcs: 0x23, fds: 0x2b }, whole, 0);
  if (width === 28 || width === 108) return void whole.copy(b, 0, 0, width);
  for (let n = 0; n < 7; n++) b.writeUInt16LE(whole.readUInt16LE(n * 4), n * 2);
  if (width === 94) whole.copy(b, 14, 28);
}

/** Values that fit a function: in its range mostly. */
function suit(m: Maker, form: string, st: string[]): void {
  const r = m.random;
  if (r.chance(20)) return;
  if (form === 'F2XM1') st[0] = r.chance(85) ? m.ranged(-12, -1) : m.ranged(-80, 0);
  else if (form === 'FYL2XP1') st[0] = r.chance(85) ? m.ranged(-10, -2) : m.ranged(-90, -2);
  else if (form === 'FYL2X')
    st[0] = (r.chance(50) ? m.ranged(-2, 2) : m.ranged(-300, 300)).replace(/^[89a-f]/, c =>
      (Number.parseInt(c, 16) - 8).toString(16),
    );
  else if (/^(FSIN|FCOS|FSINCOS|FPTAN)$/.test(form))
    st[0] = r.chance(60) ? m.ranged(-10, 3) : m.ranged(-40, 66);
  else if (form === 'FPATAN') {
    st[0] = m.ranged(-20, 20);
    st[1] = m.ranged(-20, 20);
  } else if (/^FPREM/.test(form)) {
    st[0] = m.ranged(-10, r.pick([10, 60, 130, 1000]));
    st[1] = m.ranged(-10, 10);
  } else if (form === 'FSCALE') st[1] = m.ranged(-2, r.pick([4, 10, 15]));
  else if (form === 'FRNDINT') st[0] = m.ranged(-3, 66);
  else if (/^FI?STP? m..int|FBSTP/.test(form)) st[0] = r.chance(50) ? m.ranged(-3, 66) : m.ranged(-2, 31);
  else if (/^FSTP? m32fp/.test(form)) st[0] = r.chance(40) ? m.ranged(-155, -120) : m.ranged(-10, 130);
  else if (/^FSTP? m64fp/.test(form)) st[0] = r.chance(40) ? m.ranged(-1080, -1015) : m.ranged(-10, 1030);
}

/** Pairs whose sum, product or quotient has something to it. */
function pair(m: Maker, form: string, st: string[], other: number): void {
  const r = m.random;
  const kind = r.below(100);
  if (other === 0 || kind >= 45) return;
  if (kind < 20) st[other] = near(r, st[0]);
  else if (kind < 30) {
    st[0] = m.ranged(-3, 3);
    st[other] = m.ranged(-3, 3);
  } else if (/MUL/.test(form)) {
    const e = r.between(-0x3ffe, 0x3fff);
    st[0] = m.ranged(e, e);
    const target = r.chance(50) ? 0x3fff : -0x3ffe;
    const f = Math.max(-0x3ffe, Math.min(0x3fff, target - e + r.between(-70, 3)));
    st[other] = m.ranged(f, f);
  } else if (/DIV/.test(form)) {
    const e = r.between(-0x3ffe, 0x3fff);
    st[0] = m.ranged(e, e);
    const target = r.chance(50) ? 0x3fff : -0x3ffe;
    const f = Math.max(-0x3ffe, Math.min(0x3fff, e - target + r.between(-3, 70)));
    st[other] = m.ranged(f, f);
  } else {
    const e = r.chance(50) ? 0x3fff : -0x3ffe + r.below(4);
    st[0] = m.ranged(e, e);
    st[other] = m.ranged(Math.max(-0x3ffe, e - r.below(3)), e);
  }
}

/** EFLAGS: any arithmetic flags where they matter. */
function flagsFor(r: Random, form: string): number {
  return /CMOV|COMI/.test(form) ? ALWAYS_SET | (r.word() & ARITHMETIC) : ALWAYS_SET;
}

function vectorOf(m: Maker, row: RowShape, e: Encoding): Vector | null {
  const r = m.random;
  const d = new Draft(r, e);
  d.o32 = r.chance(row.form.includes('byte') ? 60 : 95);
  let eflags = flagsFor(r, row.form);
  const index = r.below(8);
  const state = m.state(usedBy(row.form, index), pushes(row.form));
  const st = [...state.st];
  if (row.form !== 'FLD ST(i)') {
    suit(m, row.form, st);
    if (e.plusStack) pair(m, row.form, st, index);
    else if (/^FCOMPP|^FUCOMPP|^FPREM|^FPATAN|^FSCALE/.test(row.form) && r.chance(20)) st[1] = near(r, st[0]);
  }
  const final = { ...state, st };
  let memory: number[] = [];
  let memoryOffset = 0;
  if (e.modrm !== undefined) {
    const width = memoryWidth(row.form, d.o32);
    if (r.chance(3)) eflags |= AC;
    if (r.chance(6)) d.a32 = false;
    if (r.chance(6)) d.segment = r.below(6);
    d.operand(width);
    // Which part of an operand that runs past 4 GiB faults first is the processor's affair.
    if (d.address + width > 2 ** 32) return null;
    const bytes = operandBytes(m, row.form, width, final);
    const at = d.offset;
    if (at >= 0 && at < DATA_SIZE && !/^F(I|B|N)?ST|^FNSAVE|^FNSTENV/.test(row.form)) {
      memoryOffset = at;
      memory = bytes.slice(0, DATA_SIZE - at);
    }
  }
  if (r.chance(1)) d.lock = true;
  const code = d.assemble(index);
  const { codeOffset, regs } = d;
  return { row: row.enc, code, codeOffset, regs, eflags, memory, memoryOffset, state: final };
}

/** Vectors of a row, by what there is to try. */
function countFor(form: string, e: Encoding): number {
  if (isTranscendental(form)) return 700;
  if (/^F(ADD|SUB|MUL|DIV|SQRT|PREM|SCALE|RNDINT)/.test(form)) return 860;
  if (/^F(ST|STP|IST|ISTP|BSTP|COM|UCOM|XTRACT)/.test(form)) return 450;
  if (/^(FNSTSW|FNOP|FNENI|FNDISI|FNSETPM|FNCLEX|FNINIT|WAIT|FNSTCW)/.test(form)) return 80;
  return e.modrm !== undefined || e.plusStack ? 350 : 150;
}

/** All vectors for `rows`; `scale` multiplies their number. */
export function generate(rows: readonly RowShape[], seed: number, scale = 1): Vector[] {
  const pool = makePool(new Random(seed), POOL);
  const vectors: Vector[] = [];
  for (const row of rows) {
    const e = parseEncoding(row.enc);
    const m = new Maker(new Random(seed ^ hash(row.enc)), pool);
    for (let n = Math.ceil(countFor(row.form, e) * scale); n > 0; n--) {
      const v = vectorOf(m, row, e);
      if (v) vectors.push(v);
    }
  }
  return vectors.concat(undefinedVectors(rows, new Maker(new Random(seed), pool)));
}

/** One vector for each register encoding without a row. */
function undefinedVectors(rows: readonly RowShape[], m: Maker): Vector[] {
  const known = new Set<number>();
  for (const row of rows) {
    const { opcode, plusStack } = parseEncoding(row.enc);
    if (opcode.length < 2) continue;
    for (let n = 0; n < (plusStack ? 8 : 1); n++) known.add(opcode[0] * 256 + opcode[1] + n);
  }
  const vectors: Vector[] = [];
  for (let opcode = 0xd8; opcode < 0xe0; opcode++)
    for (let modrm = 0xc0; modrm < 0x100; modrm++) {
      if (known.has(opcode * 256 + modrm)) continue;
      vectors.push({
        row: UNDEFINED_ROW,
        code: [opcode, modrm],
        codeOffset: 0x800,
        regs: [0, 0, 0, 0, DATA + 0x1800, 0, 0, 0],
        eflags: 0x202,
        memory: [],
        memoryOffset: 0,
        state: m.state([0], false),
      });
    }
  return vectors;
}

/** FNV-1a, so that a row's vectors do not depend on the rows around it. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}
