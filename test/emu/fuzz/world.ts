/**
 * The world of a random guest: descriptor tables with segments, gates and tasks of every kind, page tables that map
 * all of RAM to itself, an interrupt table for real mode, and handlers that step over what faulted. A case (cases.ts)
 * then spoils any of it. No test framework is imported: the long command bundles this.
 */
import { Machine } from '../../../emu/machine.ts';
import type { Profile } from '../../../emu/profile/profile.ts';

export const RAM_SIZE = 1 << 20;
export const GDT = 0x1000;
export const GDT_SLOTS = 40;
export const LDT = 0x1800;
export const LDT_SLOTS = 8;
export const IDT = 0x2000;
export const TSS = 0x3000;
export const TASK = 0x3400;
export const TASK16 = 0x3800;
export const PD = 0x5000;
export const PT = 0x6000;
export const CODE = 0x1_0000;
export const CODE_BYTES = 0x2000;
const HANDLERS = 0x2_0000;
const HANDLERS16 = 0x2_8000;
export const DATA = 0x4_0000;
const STACK = 0x3_0000;
const RING0_STACK = 0x3_2000;
const RING1_STACK = 0x3_4000;
export const USER_STACK = 0x3_6000;
const TASK_STACK = 0x3_8000;

export const KCODE = 0x08;
export const KDATA = 0x10;
export const UCODE = 0x1b;
export const UDATA = 0x23;
export const KCODE16 = 0x28;
export const KDATA16 = 0x30;
export const UCODE16 = 0x3b;
export const UDATA16 = 0x43;
const TR = 0x48;
const LDTR = 0x60;

/** [access byte, flags, limit, base], from the first slot of the GDT. */
const SEGMENTS: readonly (readonly [number, number, number, number])[] = [
  [0, 0, 0, 0],
  [0x9b, 0xc, 0xfffff, 0],
  [0x93, 0xc, 0xfffff, 0],
  [0xfb, 0xc, 0xfffff, 0],
  [0xf3, 0xc, 0xfffff, 0],
  [0x9b, 0, 0xffff, CODE],
  [0x93, 0, 0xffff, 0x3_0000],
  [0xfb, 0, 0xffff, CODE],
  [0xf3, 0, 0xffff, 0x3_0000],
  [0x8b, 0, 0x3ff, TSS],
  [0x89, 0, 0x67, TASK],
  [0x81, 0, 0x2b, TASK16],
  [0x82, 0, LDT_SLOTS * 8 - 1, LDT],
  [0x9f, 0xc, 0xfffff, 0], // conforming
  [0x1b, 0xc, 0xfffff, 0], // absent code and data
  [0x73, 0xc, 0xfffff, 0],
  [0xf1, 0xc, 0xfffff, 0], // read-only
  [0xf9, 0xc, 0xfffff, 0], // execute-only
  [0xf7, 4, 0xfff, DATA], // expand-down, both sizes
  [0xf7, 0, 0xfff, DATA],
  [0xf3, 4, 0x3f, DATA],
  [0xbb, 0xc, 0xfffff, 0], // ring 1
  [0xb3, 0xc, 0xfffff, 0],
  [0xf2, 0xc, 0xfffff, 0], // accessed bit clear
  [0xfa, 0xc, 0xfffff, 0],
];
/** Gates behind them: [selector, offset, access byte]. */
const GATES: readonly (readonly [number, number, number])[] = [
  [KCODE, CODE, 0xec],
  [KCODE16, 0x40, 0xe4],
  [0xa8, CODE, 0xec],
  [0x50, 0, 0xe5],
  [KCODE, CODE, 0x6c],
];
const PUSH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);

export class World {
  readonly machine: Machine;
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  private readonly pristine: ReturnType<Machine['snapshot']>;

  constructor(profile: Profile) {
    this.machine = new Machine({ profile, memoryBytes: RAM_SIZE, cards: 1 });
    this.view = this.machine.state.ramView();
    this.bytes = this.machine.state.ram8();
    this.build();
    this.pristine = this.machine.snapshot();
  }

  /** Everything as it was built. */
  reset(): void {
    this.machine.restore(this.pristine);
  }

  set32(pa: number, v: number): void {
    this.view.setUint32(pa, v >>> 0, true);
  }

  /** Bytes into RAM, cut at its end. */
  write(pa: number, bytes: readonly number[]): void {
    this.bytes.set(bytes.slice(0, RAM_SIZE - pa), pa);
  }

  /** A segment register from the GDT in RAM, without the processor's checks. */
  load(s: number, selector: number): void {
    const at = GDT + (selector & 0xfff8);
    const lo = this.view.getUint32(at, true);
    const hi = this.view.getUint32(at + 4, true);
    const limit = (lo & 0xffff) | (hi & 0xf_0000);
    const base = (lo >>> 16) | ((hi & 0xff) << 16) | (hi & 0xff00_0000);
    const bytes = hi & 0x80_0000 ? ((limit << 12) | 0xfff) >>> 0 : limit;
    this.machine.cpu.setSegment(s, selector, base, bytes, hi);
  }

  /** Code and data segments of one ring, its stack, and EIP at CODE. */
  enter(code: number, data: number, esp: number): void {
    const { cpu } = this.machine;
    this.load(1, code);
    for (const s of [0, 2, 3, 4, 5]) this.load(s, data);
    cpu.setPrivilege(code & 3);
    cpu.esp = esp;
    cpu.eip = CODE - cpu.segmentBase(1);
  }

  private build(): void {
    SEGMENTS.forEach(([access, flags, limit, base], n) => {
      this.set32(GDT + n * 8, (limit & 0xffff) | (base << 16));
      this.set32(
        GDT + n * 8 + 4,
        ((base >>> 16) & 0xff) | (access << 8) | (limit & 0xf0000) | (flags << 20) | (base & 0xff00_0000),
      );
    });
    GATES.forEach(([selector, offset, access], n) => {
      this.gate(GDT + (SEGMENTS.length + n) * 8, selector, offset, access);
    });
    for (let n = 0; n < LDT_SLOTS; n++)
      for (const half of [0, 4])
        this.set32(LDT + n * 8 + half, this.view.getUint32(GDT + (3 + n) * 8 + half, true));
    for (let v = 0; v < 256; v++) {
      const at = HANDLERS + v * 16;
      this.gate(IDT + v * 8, KCODE, at, v % 5 === 3 ? 0xef : 0x8e);
      // [add esp, 4]; inc dword [esp]; iret
      this.write(at, [...(PUSH_ERROR.has(v) ? [0x83, 0xc4, 4] : []), 0xff, 4, 0x24, 0xcf]);
      // push bp; mov bp, sp; inc word [bp + 2]; pop bp; iret
      this.write(HANDLERS16 + v * 16, [0x55, 0x89, 0xe5, 0xff, 0x46, 2, 0x5d, 0xcf]);
      this.set32(v * 4, (HANDLERS16 << 12) | (v * 16));
    }
    this.gate(IDT + 0x21 * 8, 0x50, 0, 0xe5);
    this.set32(TSS + 4, RING0_STACK);
    this.set32(TSS + 8, KDATA);
    this.set32(TSS + 12, RING1_STACK);
    this.set32(TSS + 16, 0xb1);
    this.set32(TSS + 0x64, 0x68_0000);
    this.task();
    for (let page = 0; page < RAM_SIZE >>> 12; page++) this.set32(PT + page * 4, (page << 12) | 0x67);
    this.set32(PD, PT | 0x27);
    const { cpu } = this.machine;
    cpu.setGdt(GDT, GDT_SLOTS * 8 - 1);
    this.load(6, LDTR);
    this.load(7, TR);
  }

  private gate(at: number, selector: number, offset: number, access: number): void {
    this.set32(at, (offset & 0xffff) | (selector << 16));
    this.set32(at + 4, (offset & 0xffff_0000) | (access << 8));
  }

  private task(): void {
    const fields: readonly (readonly [number, number])[] = [
      [4, RING0_STACK],
      [8, KDATA],
      [0x1c, PD],
      [0x20, CODE],
      [0x24, 2],
      [0x38, TASK_STACK],
      [0x48, KDATA],
      [0x4c, KCODE],
      [0x50, KDATA],
      [0x54, KDATA],
      [0x60, LDTR],
      [0x64, 0x68_0000],
    ];
    for (const [offset, v] of fields) this.set32(TASK + offset, v);
    // IP, FLAGS, SP, ES CS SS DS of the 16-bit task.
    for (const [offset, v] of [
      [0xe, 0x40],
      [0x10, 2],
      [0x1a, 0x7000],
      [0x22, KDATA16],
      [0x24, KCODE16],
      [0x26, KDATA16],
      [0x28, KDATA16],
    ])
      this.view.setUint16(TASK16 + offset, v, true);
  }
}

export { HANDLERS, STACK };
