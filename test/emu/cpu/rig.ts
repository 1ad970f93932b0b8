/**
 * A small protected-mode world in RAM for the tests of the processor's system side: GDT, LDT, IDT, TSSs, page
 * tables that map all of RAM to itself, and a handler address for each vector. Nothing in it runs but the bytes
 * that a test puts at CODE.
 */
import { expect } from 'vitest';
import type { EngineKind } from '../../../emu/board.ts';
import { Machine } from '../../../emu/machine.ts';
import { flat } from '../../../emu/profile/flat.ts';
import type { Profile } from '../../../emu/profile/profile.ts';

export const GDT = 0x1000;
export const LDT = 0x1800;
export const IDT = 0x2000;
export const TSS = 0x3000;
export const TSS_TASK = 0x3100;
export const TSS16 = 0x3200;
export const PD = 0x5000;
export const PT = 0x6000;
export const CODE = 0x1_0000;
export const HANDLERS = 0x2_0000;
export const STACK = 0x3_0000; // tops; each has the page below it
export const RING0_STACK = 0x3_2000;
export const RING1_STACK = 0x3_4000;
export const USER_STACK = 0x3_6000;
export const TASK_STACK = 0x3_8000;
export const DATA = 0x4_0000;

// Selectors.
export const KCODE = 0x08;
export const KDATA = 0x10;
export const UCODE = 0x1b;
export const UDATA = 0x23;
export const TR = 0x28;
export const TASK = 0x30;
export const LDTR = 0x38;
export const CONFORMING = 0x40;
export const ABSENT_CODE = 0x48;
export const ABSENT_DATA = 0x50;
export const READ_ONLY = 0x58;
export const EXECUTE_ONLY = 0x60;
export const SHORT_CODE = 0x68;
export const STACK16 = 0x70;
export const CODE1 = 0x79;
export const DATA1 = 0x81;
export const CALL_GATE = 0x88;
export const TASK_GATE = 0x90;
export const SHORT_STACK = 0x98;
export const TASK16 = 0xa0;
export const CLEAN_DATA = 0xa8; // accessed bit clear
export const EXPAND_DOWN = 0xb0;
export const ABSENT_TASK = 0xb8;
export const SHORT_TASK = 0xc0;
export const ABSENT_LDT = 0xc8;
export const CODE16 = 0xd0;
export const CALL_GATE_ABSENT = 0xd8;
export const TASK_GATE_ABSENT = 0xe0;
export const ABSENT_STACK3 = 0xe8 | 3;
export const GDT_END = 0xf0;

export const EAX = 0;
export const ECX = 1;
export const EDX = 2;
export const EBX = 3;
export const ESP = 4;
export const EBP = 5;
export const ESI = 6;
export const EDI = 7;

export const FLAGS = {
  TF: 0x100,
  IF: 0x200,
  DF: 0x400,
  IOPL3: 0x3000,
  NT: 0x4000,
  RF: 0x1_0000,
  VM: 0x2_0000,
};

export class Rig {
  readonly machine: Machine;
  readonly view: DataView;

  constructor(profile: Profile = flat, engine: EngineKind = 'interpreter', memoryBytes = 1 << 20) {
    this.machine = new Machine({ profile, memoryBytes, cards: 0, engine });
    this.view = this.machine.state.ramView();
    this.tables();
    const c = this.c;
    c.setGdt(GDT, GDT_END - 1);
    c.setIdt(IDT, 0x7ff);
    this.cs(KCODE);
    for (const s of [0, 2, 3, 4, 5]) this.segment(s, KDATA);
    this.segment(7, TR);
    c.esp = STACK;
    c.eip = CODE;
    c.eflags = 2;
  }

  get c() {
    return this.machine.cpu;
  }

  get accounting() {
    return this.machine.accounting;
  }

  // ---- memory ------------------------------------------------------------------------------------------------

  get32(pa: number): number {
    return this.view.getUint32(pa, true);
  }
  get16(pa: number): number {
    return this.view.getUint16(pa, true);
  }
  set32(pa: number, v: number): void {
    this.view.setUint32(pa, v >>> 0, true);
  }
  set16(pa: number, v: number): void {
    this.view.setUint16(pa, v, true);
  }

  /** The dword at `n` dwords above the top of the current stack. */
  stack(n: number): number {
    return this.get32(((this.c.segmentBase(2) + this.c.stackTop) >>> 0) + n * 4);
  }

  /** Bytes of code at EIP (which becomes CODE), given in hex. */
  code(hex: string, at = CODE): this {
    const bytes = Uint8Array.from(
      hex
        .replaceAll(' ', '')
        .match(/../g)!
        .map(b => Number.parseInt(b, 16)),
    );
    this.machine.writePhysical(at, bytes);
    this.c.eip = at;
    return this;
  }

  /** Runs the code one instruction at a time. */
  run(hex: string, steps = 1): this {
    this.code(hex);
    for (let n = 0; n < steps; n++) this.machine.step();
    return this;
  }

  step(): void {
    this.machine.step();
  }

  // ---- descriptors -------------------------------------------------------------------------------------------

  descriptor(selector: number, base: number, limit: number, access: number, flags = 0, table = GDT): void {
    const at = table + (selector & 0xfff8);
    this.set32(at, (limit & 0xffff) | (base << 16));
    this.set32(
      at + 4,
      ((base >>> 16) & 0xff) | (access << 8) | (limit & 0xf0000) | (flags << 20) | (base & 0xff00_0000),
    );
  }

  gate(at: number, selector: number, offset: number, access: number, parameters = 0): void {
    this.set32(at, (offset & 0xffff) | (selector << 16));
    this.set32(at + 4, (offset & 0xffff_0000) | (access << 8) | parameters);
  }

  idt(vector: number, selector: number, offset: number, access: number): void {
    this.gate(IDT + vector * 8, selector, offset, access);
  }

  /** The access byte in the GDT. */
  access(selector: number): number {
    return this.view.getUint8(GDT + (selector & 0xfff8) + 5);
  }

  /** Loads a segment register from the GDT without the processor's checks. */
  segment(s: number, selector: number): void {
    const lo = this.get32(GDT + (selector & 0xfff8));
    const hi = this.get32(GDT + (selector & 0xfff8) + 4);
    const raw = (lo & 0xffff) | (hi & 0xf0000);
    const limit = hi & 0x80_0000 ? ((raw << 12) | 0xfff) >>> 0 : raw;
    this.c.setSegment(s, selector, (lo >>> 16) | ((hi & 0xff) << 16) | (hi & 0xff00_0000), limit, hi);
  }

  cs(selector: number): void {
    this.segment(1, selector);
    this.c.setPrivilege(selector & 3);
  }

  /** Ring 3 with its own stack. */
  user(): this {
    this.cs(UCODE);
    for (const s of [0, 2, 3, 4, 5]) this.segment(s, UDATA);
    this.c.esp = USER_STACK;
    return this;
  }

  // ---- paging ------------------------------------------------------------------------------------------------

  /** Paging on; every page of the first megabyte maps to itself, writable by all, accessed and dirty set. */
  paging(): this {
    this.set32(PD, PT | 0x27);
    for (let page = 0; page < 256; page++) this.pte(page << 12, 0x67);
    this.c.setCr3(PD);
    this.c.setCr0(this.c.cr0 | (0x8001_0000 | 0));
    return this;
  }

  pte(lin: number, flags: number): void {
    this.set32(PT + (lin >>> 12) * 4, (lin & ~0xfff) | flags);
    this.c.mmu.invalidatePage(lin);
  }

  // ---- what is expected --------------------------------------------------------------------------------------

  handler(vector: number): number {
    return HANDLERS + vector * 16;
  }

  /** The next instruction faulted: we are in the handler of `vector`, with this error code and return address. */
  expectFault(vector: number, error: number, eip = CODE): void {
    expect({ eip: this.c.eip >>> 0, error: this.stack(0), from: this.stack(1) }).toEqual({
      eip: this.handler(vector),
      error,
      from: eip,
    });
  }

  /** The same for a vector without an error code. */
  expectPlainFault(vector: number, eip = CODE): void {
    expect({ eip: this.c.eip >>> 0, from: this.stack(0) }).toEqual({ eip: this.handler(vector), from: eip });
  }

  /** All registers and segment state, to see that nothing changed. */
  registers(): number[] {
    const c = this.c;
    const segments = [0, 1, 2, 3, 4, 5, 6, 7].flatMap(s => [
      c.selector(s),
      c.segmentBase(s),
      c.segmentLimit(s),
      c.segmentAttributes(s),
    ]);
    return [...c.r32.slice(0, 8), c.eflags, c.cpl, c.cr0, c.cr3, ...segments];
  }

  private tables(): void {
    const d = (s: number, access: number, limit = 0xfffff, flags = 0xc, base = 0) =>
      this.descriptor(s, base, limit, access, flags);
    d(KCODE, 0x9b);
    d(KDATA, 0x93);
    d(UCODE, 0xfb);
    d(UDATA, 0xf3);
    d(TR, 0x8b, 0x67, 0, TSS);
    d(TASK, 0x89, 0x67, 0, TSS_TASK);
    d(LDTR, 0x82, 0x1f, 0, LDT);
    d(CONFORMING, 0x9f);
    d(ABSENT_CODE, 0x1b);
    d(ABSENT_DATA, 0x13);
    d(READ_ONLY, 0x91);
    d(EXECUTE_ONLY, 0x99);
    d(SHORT_CODE, 0x9b, 0xff, 4);
    d(STACK16, 0x93, 0xffff, 0, 0x3_0000);
    d(CODE1, 0xbb);
    d(DATA1, 0xb3);
    d(SHORT_STACK, 0x93, 0xff, 4, STACK);
    d(TASK16, 0x81, 0x2b, 0, TSS16);
    d(CLEAN_DATA, 0xf2);
    d(EXPAND_DOWN, 0x97, 0xfff, 4);
    d(ABSENT_TASK, 0x09, 0x67, 0, TSS_TASK);
    d(SHORT_TASK, 0x89, 0x66, 0, TSS_TASK);
    d(ABSENT_LDT, 0x02, 0x1f, 0, LDT);
    d(CODE16, 0x9b, 0xffff, 0, CODE);
    d(ABSENT_STACK3, 0x73);
    this.gate(GDT + CALL_GATE, KCODE, 0x2_8000, 0xec);
    this.gate(GDT + CALL_GATE_ABSENT, KCODE, 0x2_8000, 0x6c);
    this.gate(GDT + TASK_GATE, TASK, 0, 0xe5);
    this.gate(GDT + TASK_GATE_ABSENT, TASK, 0, 0x65);
    this.descriptor(0, 0, 0xfffff, 0x93, 0xc, LDT);
    this.descriptor(8, 0, 0xfffff, 0xf3, 0xc, LDT);
    for (let v = 0; v < 256; v++)
      this.idt(v, KCODE, this.handler(v), v === 0x80 || v === 3 || v === 4 ? 0xee : 0x8e);
    this.set16(TSS + 0x66, 0x68); // no I/O permission map
    this.set32(TSS + 4, RING0_STACK);
    this.set32(TSS + 8, KDATA);
    this.set32(TSS + 12, RING1_STACK);
    this.set32(TSS + 16, DATA1);
    this.task(TSS_TASK);
  }

  /** A 32-bit task at ring 0, ready to be switched to. */
  task(at: number): void {
    const fields: [number, number][] = [
      [0x1c, PD],
      [0x20, 0x2_c000],
      [0x24, 2],
      [0x28, 0xa0],
      [0x2c, 0xc1],
      [0x30, 0xd2],
      [0x34, 0xb3],
      [0x38, TASK_STACK],
      [0x3c, 0xb5],
      [0x40, 0x56],
      [0x44, 0xd7],
      [0x48, KDATA],
      [0x4c, KCODE],
      [0x50, KDATA],
      [0x54, KDATA],
      [0x58, 0],
      [0x5c, UDATA],
      [0x60, LDTR],
      [0x64, 0x68_0000],
    ];
    for (const [offset, v] of fields) this.set32(at + offset, v);
  }
}

/** `v` as 4 bytes of code. */
export function dword(v: number): string {
  return [0, 8, 16, 24].map(s => ((v >>> s) & 0xff).toString(16).padStart(2, '0')).join('');
}

export function word(v: number): string {
  return dword(v).slice(0, 4);
}
