/**
 * System instructions: descriptor-table and task registers, control and debug registers, TLB and caches, HLT,
 * counters, MSRs, CPUID. SDM vol. 2, the instructions' pages; vol. 3, 2.5 (control registers),
 * 2.8 (system instructions), 17.2 (debug registers).
 *
 * Left out: CR4 bits of features that CPUID denies (VME, PVI, PAE, MCE, OSFXSR: #GP(0)).
 */
import { CAUSE } from '../../accounting.ts';
import { DB, GP, UD } from '../../mmu/fault.ts';
import type { Cpu } from '../cpu.ts';
import { cpuid as leafOf } from '../cpuid.ts';
import { loadLdt, loadTaskRegister } from '../descriptors.ts';
import type { Insn } from '../insn.ts';
import { readCounter, readMsr, readTsc, writeMsr } from '../msr.ts';
import {
  CR0_AM,
  CR0_CD,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR3_KNOWN,
  CR4_DE,
  CR4_PCE,
  CR4_PGE,
  CR4_PSE,
  CR4_TSD,
} from '../registers.ts';
import type { Exec } from '../row.ts';
import { LDTR_, TR_ } from '../segments.ts';
import { loadSelector, registerNumber, storeSelector } from './segment.ts';

const TLB_FLUSH = CAUSE.tlbFlush;
const EAX = 0;
const ECX = 1;
const EDX = 2;
const EBX = 3;

const CR0_KNOWN =
  CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
const CR4_KNOWN = CR4_TSD | CR4_DE | CR4_PSE | CR4_PGE | CR4_PCE;
const DR6_FIXED = 0xffff_0ff0 | 0;
const DR6_WRITABLE = 0xe00f;
const DR6_BD = 0x2000;
const DR7_FIXED = 0x400;
const DR7_WRITABLE = 0xffff_23ff | 0;
const DR7_GD = 0x2000;

/** The executor of a row that ends its block and goes on with the next instruction. */
export function thenNext(exec: Exec): Exec {
  return (c, i) => {
    exec(c, i);
    c.eip = i.next;
    c.leave = true;
  };
}

/** At CPL 0 only: #GP(0) otherwise. */
export function ring0(exec: Exec): Exec {
  return (c, i) => {
    c.requireRing0();
    exec(c, i);
  };
}

// ---- descriptor-table and task registers ---------------------------------------------------------------------

/** SGDT and SIDT: limit, then base; with 16-bit operands its top byte is stored as 0. */
function storeTable(c: Cpu, i: Insn, base: number, limit: number): void {
  const at = c.ea(i);
  c.probeStore(i.seg, at, 2);
  c.probeStore(i.seg, (at + 2) | 0, 4);
  c.store16(i.seg, at, limit);
  c.store32(i.seg, (at + 2) | 0, i.o32 ? base : base & 0xff_ffff);
}
export const sgdt = (c: Cpu, i: Insn) => storeTable(c, i, c.gdtBase, c.gdtLimit);
export const sidt = (c: Cpu, i: Insn) => storeTable(c, i, c.idtBase, c.idtLimit);

function loadTable(c: Cpu, i: Insn, set: (base: number, limit: number) => void): void {
  const at = c.ea(i);
  const limit = c.load16(i.seg, at);
  const base = c.load32(i.seg, (at + 2) | 0);
  set(i.o32 ? base : base & 0xff_ffff, limit);
}
export const lgdt = (c: Cpu, i: Insn) => loadTable(c, i, (base, limit) => c.setGdt(base, limit));
export const lidt = (c: Cpu, i: Insn) => loadTable(c, i, (base, limit) => c.setIdt(base, limit));

export const sldt = (c: Cpu, i: Insn) => storeSelector(c, i, c.selector(LDTR_));
export const str = (c: Cpu, i: Insn) => storeSelector(c, i, c.selector(TR_));
export const lldt = (c: Cpu, i: Insn) => loadLdt(c, loadSelector(c, i));
export const ltr = (c: Cpu, i: Insn) => loadTaskRegister(c, loadSelector(c, i));

// ---- control registers ---------------------------------------------------------------------------------------

/** SMSW: 16 bits to memory; a 32-bit register gets all of CR0, as the P6 does. */
export function smsw(c: Cpu, i: Insn): void {
  if (i.isReg && i.o32) c.r32[registerNumber(i)] = c.cr0;
  else storeSelector(c, i, c.cr0 & 0xffff);
}

/** LMSW sets PE, MP, EM and TS; it cannot clear PE. */
export function lmsw(c: Cpu, i: Insn): void {
  c.setCr0((c.cr0 & ~(CR0_MP | CR0_EM | CR0_TS)) | (loadSelector(c, i) & 15));
}

export const clts = (c: Cpu) => c.setCr0(c.cr0 & ~CR0_TS);

export function movFromCr(c: Cpu, i: Insn): void {
  const n = i.digit;
  c.r32[registerNumber(i)] = n === 0 ? c.cr0 : n === 2 ? c.cr2 : n === 3 ? c.cr3 : c.cr4;
}

/** MOV CR0: PG needs PE, NW needs CD; reserved bits are ignored. Clearing PE gives real-address mode. */
export function movToCr0(c: Cpu, i: Insn): void {
  const v = c.r32[registerNumber(i)] & CR0_KNOWN;
  if ((v & CR0_PG && !(v & CR0_PE)) || (v & CR0_NW && !(v & CR0_CD))) c.raise(GP, 0);
  c.setCr0(v);
}

export function movToCr2(c: Cpu, i: Insn): void {
  c.cr2 = c.r32[registerNumber(i)];
}

/** MOV CR3: flushes what is not global; its reserved bits are ignored. */
export function movToCr3(c: Cpu, i: Insn): void {
  c.charge(TLB_FLUSH, c.costs.tlbFlush);
  c.setCr3(c.r32[registerNumber(i)] & CR3_KNOWN);
}

export function movToCr4(c: Cpu, i: Insn): void {
  const v = c.r32[registerNumber(i)];
  if (v & ~CR4_KNOWN) c.raise(GP, 0);
  c.setCr4(v);
}

// ---- debug registers -----------------------------------------------------------------------------------------

/** The register that a MOV names: 4 and 5 are 6 and 7, or #UD with CR4.DE. DR7.GD makes any access a #DB. */
function debugRegister(c: Cpu, i: Insn): number {
  const n = i.digit;
  const alias = n === 4 || n === 5;
  if (alias && c.cr4 & CR4_DE) c.raise(UD);
  c.requireRing0();
  if (c.dr(7) & DR7_GD) {
    c.setDr(6, c.dr(6) | DR6_BD);
    c.raise(DB);
  }
  return alias ? n + 2 : n;
}

export function movFromDr(c: Cpu, i: Insn): void {
  c.r32[registerNumber(i)] = c.dr(debugRegister(c, i));
}

export function movToDr(c: Cpu, i: Insn): void {
  const n = debugRegister(c, i);
  const v = c.r32[registerNumber(i)];
  if (n === 6) c.setDr(6, (v & DR6_WRITABLE) | DR6_FIXED);
  else if (n === 7) c.setDr(7, (v & DR7_WRITABLE) | DR7_FIXED);
  else c.setDr(n, v);
}

// ---- TLB, caches, the end of work ----------------------------------------------------------------------------

export function invlpg(c: Cpu, i: Insn): void {
  c.charge(TLB_FLUSH, c.costs.invlpg);
  c.mmu.invalidatePage((c.segmentBase(i.seg) + c.ea(i)) | 0);
}

export function flushCaches(c: Cpu): void {
  c.mmu.sync();
  c.mmu.hierarchy.flush();
}

export function hlt(c: Cpu): void {
  c.halted = true;
}

// ---- counters, MSRs, CPUID -----------------------------------------------------------------------------------

export function rdtsc(c: Cpu): void {
  if (c.cr4 & CR4_TSD) c.requireRing0();
  const { lo, hi } = readTsc(c);
  c.r32[EAX] = lo;
  c.r32[EDX] = hi;
}

export function rdpmc(c: Cpu): void {
  if (!(c.cr4 & CR4_PCE)) c.requireRing0();
  const v = readCounter(c, c.r32[ECX]);
  if (v === undefined) c.raise(GP, 0);
  c.r32[EAX] = v | 0;
  c.r32[EDX] = Math.floor(v / 0x1_0000_0000);
}

export function rdmsr(c: Cpu): void {
  const { lo, hi } = readMsr(c, c.r32[ECX]);
  c.r32[EAX] = lo;
  c.r32[EDX] = hi;
}

export function wrmsr(c: Cpu): void {
  writeMsr(c, c.r32[ECX], c.r32[EAX], c.r32[EDX]);
}

export function cpuid(c: Cpu): void {
  const [a, b, cc, d] = leafOf(c.profile, c.r32[EAX], c.apic);
  c.r32[EAX] = a;
  c.r32[EBX] = b;
  c.r32[ECX] = cc;
  c.r32[EDX] = d;
}

export function ud(c: Cpu): never {
  c.raise(UD);
}
