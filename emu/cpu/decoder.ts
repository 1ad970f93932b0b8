/**
 * Bytes to `Insn` (SDM vol. 2, chapter 2): prefixes, opcode, ModRM, SIB, displacement, immediates. Faults of the
 * encoding itself (#UD, #GP beyond 15 bytes) are thrown as the processor raises them.
 */
import { TICKS_PER_CYCLE } from '../clock.ts';
import type { CpuFault } from '../mmu/fault.ts';
import { GP, UD } from '../mmu/fault.ts';
import type { Profile } from '../profile/profile.ts';
import { specialise } from './exec/hot.ts';
import { Insn, NO_REGISTER } from './insn.ts';
import { DS_, SS_ } from './segments.ts';
import { maps16, maps32, type Template } from './table.ts';

/** Bytes of an instruction, at most. */
export const MAX_LENGTH = 15;
const ESP = 4;
const EBP = 5;
const BYTE_REGISTER = [0, 4, 8, 12, 1, 5, 9, 13];
const BASE16 = [3, 3, 5, 5, 6, 7, 5, 3];
const INDEX16 = [6, 7, 6, 7, NO_REGISTER, NO_REGISTER, NO_REGISTER, NO_REGISTER];

/** Where instruction bytes come from; `byte(n)` is the byte at eip + n and may throw the fetch's fault. */
export interface CodeBytes {
  byte(n: number): number;
}

function registerIndex(n: number, size: number): number {
  return size === 4 ? n : size === 2 ? n * 2 : BYTE_REGISTER[n];
}

export class Decoder {
  private readonly profile: Profile;
  private readonly fault: CpuFault;
  private code!: CodeBytes;
  private at = 0;

  constructor(profile: Profile, fault: CpuFault) {
    this.profile = profile;
    this.fault = fault;
  }

  /** Decodes the instruction at `eip`; `big` is CS.D. Throws the fault object for #UD, #GP and fetch faults. */
  decode(code: CodeBytes, eip: number, big: boolean): Insn {
    this.code = code;
    this.at = 0;
    let o32 = big;
    let a32 = big;
    let seg = -1;
    let rep = 0;
    let lock = false;
    let opcode = this.next();
    for (;;) {
      if (opcode === 0x66) o32 = !big;
      else if (opcode === 0x67) a32 = !big;
      else if (opcode === 0xf3) rep = 1;
      else if (opcode === 0xf2) rep = 2;
      else if (opcode === 0xf0) lock = true;
      else if (opcode === 0x26 || opcode === 0x2e || opcode === 0x36 || opcode === 0x3e)
        seg = (opcode >> 3) & 3;
      else if (opcode === 0x64 || opcode === 0x65) seg = opcode & 7;
      else break;
      opcode = this.next();
    }
    const maps = o32 ? maps32 : maps16;
    let map = maps[0];
    if (opcode === 0x0f) {
      map = maps[1];
      opcode = this.next();
    }
    const slot = map[opcode];
    let t = slot.any;
    let modrm = -1;
    if (t ? t.modrm : true) {
      if (!t && !slot.memory.some(Boolean) && !slot.register.some(Boolean)) this.undefined();
      modrm = this.next();
      if (modrm >= 0xc0 && slot.second) t = slot.second[modrm & 63];
      else t ??= (modrm >= 0xc0 ? slot.register : slot.memory)[(modrm >> 3) & 7];
    }
    if (!t) this.undefined();
    const i = new Insn(t.row);
    i.eip = eip;
    i.o32 = o32;
    i.a32 = a32;
    i.rep = t.row.rep ? rep : 0;
    i.size = t.size;
    i.shift = 32 - 8 * t.size;
    i.seg = seg >= 0 ? seg : DS_;
    if (modrm >= 0) this.operands(i, t, modrm, seg);
    else if (t.plusR) i.reg = registerIndex(opcode & 7, t.regSize);
    for (const kind of t.immediates) this.immediate(i, kind);
    if (t.escape) i.imm = ((opcode & 7) << 8) | modrm;
    if (lock && (!t.row.lock || i.isReg)) this.undefined();
    i.lock = lock;
    i.length = this.at;
    i.next = (eip + this.at) | 0;
    if (t.immediates[0] === 'rel8' || t.immediates[0] === 'relz') {
      i.imm = (i.next + i.imm) | 0;
      if (!o32) i.imm &= 0xffff;
    }
    if (i.isReg && modrm < 0 && lock) this.undefined();
    i.cost = this.cost(i, t);
    specialise(i);
    return i;
  }

  private next(): number {
    if (this.at >= MAX_LENGTH) throw this.fault.set(GP, 0);
    return this.code.byte(this.at++);
  }

  private next16(): number {
    const low = this.next();
    return low | (this.next() << 8);
  }

  private next32(): number {
    const low = this.next16();
    return low | (this.next16() << 16);
  }

  private undefined(): never {
    throw this.fault.set(UD, -1);
  }

  private operands(i: Insn, t: Template, modrm: number, seg: number): void {
    i.digit = (modrm >> 3) & 7;
    i.reg = registerIndex(i.digit, t.regSize);
    i.isReg = modrm >= 0xc0 || t.alwaysRegister;
    if (i.isReg) {
      i.rm = registerIndex(modrm & 7, t.rmSize);
      return;
    }
    if (i.a32) this.address32(i, modrm);
    else this.address16(i, modrm);
    if (seg >= 0) i.seg = seg;
  }

  private address32(i: Insn, modrm: number): void {
    const mod = modrm >> 6;
    let base = modrm & 7;
    if (base === 4) {
      const sib = this.next();
      base = sib & 7;
      const index = (sib >> 3) & 7;
      i.index = index === 4 ? NO_REGISTER : index;
      i.scale = sib >> 6;
    }
    if (mod === 0 && base === EBP) {
      i.base = NO_REGISTER;
      i.disp = this.next32();
      return;
    }
    i.base = base;
    if (base === ESP || base === EBP) i.seg = SS_;
    if (mod === 1) i.disp = (this.next() << 24) >> 24;
    else if (mod === 2) i.disp = this.next32();
  }

  private address16(i: Insn, modrm: number): void {
    const mod = modrm >> 6;
    const rm = modrm & 7;
    if (mod === 0 && rm === 6) {
      i.disp = this.next16();
      return;
    }
    i.base = BASE16[rm];
    i.index = INDEX16[rm];
    if (i.base === EBP) i.seg = SS_;
    if (mod === 1) i.disp = (this.next() << 24) >> 24;
    else if (mod === 2) i.disp = this.next16();
  }

  private immediate(i: Insn, kind: string): void {
    switch (kind) {
      case 'ib':
      case 'ibs':
      case 'rel8':
        i.imm = (this.next() << 24) >> 24;
        break;
      case 'iw':
        i.imm = this.next16();
        break;
      case 'iz':
      case 'relz':
        i.imm = i.o32 ? this.next32() : (this.next16() << 16) >> 16;
        break;
      case 'iw+ib':
        i.imm = this.next16();
        i.imm2 = this.next();
        break;
      case 'moffs':
        i.disp = i.a32 ? this.next32() : this.next16();
        i.isReg = false;
        break;
      default:
        i.imm = i.o32 ? this.next32() : this.next16();
        i.imm2 = this.next16();
    }
  }

  /** Issue cost in ticks. A move's memory operand replaces its cost; others add theirs. */
  private cost(i: Insn, t: Template): number {
    const p = this.profile;
    if (!p.timing) return TICKS_PER_CYCLE;
    if (i.rep !== 0) return 0;
    let cycles = p.issue[t.cost].value;
    if (t.cost === 'lea' && i.scale > 0) cycles = Math.max(cycles, p.issue.shift.value);
    if (!i.isReg && t.memory !== 'none') {
      const m = p.memoryOperand;
      if (t.cost === 'mov') cycles = 0;
      cycles += (t.memory === 'load' ? m.load : t.memory === 'store' ? m.store : m.readModifyWrite).value;
      if (i.lock || t.cost === 'xchg') cycles += m.lock.value;
    }
    return (cycles * TICKS_PER_CYCLE) | 0;
  }
}
