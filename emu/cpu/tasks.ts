/**
 * The hardware task switch: far JMP and CALL to a TSS or task gate, IRET with NT set, and events through a task
 * gate. SDM vol. 3, 7.2 (TSS), 7.3 (the switch and its checks) and 7.4 (linking); 7.6 for the 16-bit TSS.
 *
 * Up to its commit point a switch changes nothing but accessed and busy bits; a fault belongs to the old task.
 * After it (`c.taskSwitched`) registers hold the new task's state and a fault belongs to the new task, at its EIP.
 * The TSSs and descriptors are read and written as supervisor accesses that no segment limit binds.
 */
import { CAUSE } from '../accounting.ts';
import { DB, GP, NP, TS } from '../mmu/fault.ts';
import type { Cpu } from './cpu.ts';
import {
  BUSY,
  checkStackSegment,
  Descriptor,
  enterCode,
  install,
  installNull,
  isNull,
  loadDataSegment,
  loadLdt,
  markAccessed,
  readDescriptor,
  selectorError,
  writeBusy,
} from './descriptors.ts';
import { loadParagraph } from './realmode.ts';
import { CR0_PG, CR0_TS, CR3_KNOWN, NT, RF } from './registers.ts';
import { CS_, DS_, ES_, FS_, GS_, LDTR_, SEG_P, SS_, TR_ } from './segments.ts';

const TLB_FLUSH = CAUSE.tlbFlush;

/** Who switches: it decides busy bits, NT and the back link (SDM vol. 3, table 7-2). */
export type SwitchKind = 'jump' | 'call' | 'iret' | 'event';

/** Where a TSS keeps what (SDM vol. 3, figures 7-2 and 7-10). `lowest` is the least limit that it may have. */
interface Layout {
  lowest: number;
  size: 2 | 4;
  eip: number;
  eflags: number;
  registers: number;
  segments: number;
  segmentCount: number;
  ldt: number;
  /** End of what a switch writes. */
  dynamicEnd: number;
}

const LAYOUT32: Layout = {
  lowest: 0x67,
  size: 4,
  eip: 0x20,
  eflags: 0x24,
  registers: 0x28,
  segments: 0x48,
  segmentCount: 6,
  ldt: 0x60,
  dynamicEnd: 0x60,
};
const LAYOUT16: Layout = {
  lowest: 0x2b,
  size: 2,
  eip: 0x0e,
  eflags: 0x10,
  registers: 0x12,
  segments: 0x22,
  segmentCount: 4,
  ldt: 0x2a,
  dynamicEnd: 0x2a,
};
const CR3_AT = 0x1c;
const TRAP_AT = 0x64;
/** Segment registers in the order of the TSS. */
const ORDER = [ES_, CS_, SS_, DS_, FS_, GS_];
const DATA = [ES_, DS_, FS_, GS_];

function layoutOf(attributes: number): Layout {
  return attributes & 0x800 ? LAYOUT32 : LAYOUT16;
}

/** The dynamic fields of a TSS in a switch, read before the commit point. */
class TaskImage {
  eip = 0;
  eflags = 0;
  cr3 = 0;
  ldt = 0;
  trap = false;
  readonly registers = new Int32Array(8);
  readonly selectors = new Int32Array(6);

  read(c: Cpu, base: number, layout: Layout): void {
    const wide = layout.size === 4;
    const field = (at: number) => (wide ? c.systemRead32(base + at) : c.systemRead16(base + at));
    this.eip = field(layout.eip);
    this.eflags = field(layout.eflags);
    for (let r = 0; r < 8; r++)
      this.registers[r] = field(layout.registers + r * layout.size) | (wide ? 0 : 0xffff_0000);
    for (let k = 0; k < 6; k++)
      this.selectors[k] = k < layout.segmentCount ? field(layout.segments + k * layout.size) & 0xffff : 0;
    this.ldt = field(layout.ldt) & 0xffff;
    this.cr3 = wide ? c.systemRead32(base + CR3_AT) : c.cr3;
    this.trap = wide && (c.systemRead16(base + TRAP_AT) & 1) !== 0;
  }
}

const image = new TaskImage();
const scratch = new Descriptor();
const oldTss = new Descriptor();

/**
 * Switches to the task whose TSS descriptor is `tss` (its type, privilege, presence and busy bit were checked by
 * the caller). `returnEip` is what the old task continues at; `fault` sets RF in its image. Returns true when the
 * new task's T bit asks for a debug trap (DR6.BT is set then).
 */
export function switchTask(
  c: Cpu,
  tss: Descriptor,
  kind: SwitchKind,
  returnEip: number,
  cause: number,
  fault = false,
): boolean {
  const layout = layoutOf(tss.hi);
  const base = tss.base;
  const oldBase = c.segmentBase(TR_);
  const oldSelector = c.selector(TR_);
  const nested = kind === 'call' || kind === 'event';
  if (tss.limit < layout.lowest) c.raise(TS, selectorError(tss.selector));
  readOldDescriptor(c, kind);
  image.read(c, base, layout);
  if (nested) c.systemProbeWrite(base, 2);
  probeOldTask(c);

  saveOldTask(c, kind, returnEip, fault);
  if (!nested) writeBusy(c, oldTss, false);
  if (nested) c.systemWrite16(base, oldSelector);
  // An alias of the old descriptor may have been the new one: read again before marking it.
  if (kind !== 'iret') writeBusy(c, tss, true);
  c.accounting.saveRegion((oldBase + layoutOf(c.segmentAttributes(TR_)).eip) | 0);
  c.taskSwitched = true;
  install(c, TR_, tss);
  c.charge(cause, c.costs.taskSwitch);
  loadRegisters(c, nested);
  c.accounting.restoreRegion((base + layout.eip) | 0);
  loadSegments(c);
  if (!image.trap) return false;
  c.setDr(6, c.dr(6) | 0x8000);
  return true;
}

/** JMP and IRET clear the old TSS's busy bit: its descriptor must be there and writable. */
function readOldDescriptor(c: Cpu, kind: SwitchKind): void {
  if (kind === 'call' || kind === 'event') return;
  readDescriptor(c, c.selector(TR_), TS, oldTss);
  c.systemProbeWrite(oldTss.address, 8);
}

function probeOldTask(c: Cpu): void {
  const layout = layoutOf(c.segmentAttributes(TR_));
  if (layout.dynamicEnd - 1 > c.segmentLimit(TR_)) c.raise(TS, selectorError(c.selector(TR_)));
  c.systemProbeWrite(c.segmentBase(TR_) + layout.eip, layout.dynamicEnd - layout.eip);
}

function saveOldTask(c: Cpu, kind: SwitchKind, returnEip: number, fault: boolean): void {
  const layout = layoutOf(c.segmentAttributes(TR_));
  const base = c.segmentBase(TR_);
  const write = (at: number, v: number) =>
    layout.size === 4 ? c.systemWrite32(base + at, v) : c.systemWrite16(base + at, v & 0xffff);
  let eflags = c.eflags | (fault ? RF : 0);
  if (kind === 'iret') eflags &= ~NT;
  write(layout.eip, returnEip);
  write(layout.eflags, eflags);
  for (let r = 0; r < 8; r++) write(layout.registers + r * layout.size, c.r32[r]);
  for (let k = 0; k < layout.segmentCount; k++)
    write(layout.segments + k * layout.size, c.selector(ORDER[k]));
}

/** What is loaded without checks: CR3, EIP, EFLAGS, general registers, and every segment as not yet usable. */
function loadRegisters(c: Cpu, nested: boolean): void {
  if (c.cr0 & CR0_PG && layoutOf(c.segmentAttributes(TR_)) === LAYOUT32) {
    c.setCr3(image.cr3 & CR3_KNOWN);
    c.charge(TLB_FLUSH, c.costs.tlbFlush);
  }
  c.setCr0(c.cr0 | CR0_TS);
  c.eip = image.eip;
  c.eflags = image.eflags | (nested ? NT : 0);
  c.r32.set(image.registers, 0);
  c.setDr(7, c.dr(7) & ~0x55); // L0–L3 are local to a task
  for (let k = 0; k < 6; k++) {
    const s = ORDER[k];
    c.setSegment(s, image.selectors[k], 0, 0, s === CS_ || s === SS_ ? c.segmentAttributes(s) & ~SEG_P : 0);
  }
  c.setPrivilege(c.virtual8086 ? 3 : image.selectors[1] & 3);
  c.leave = true;
}

/** Loads and checks LDTR, CS, SS and the data segments, in the context of the new task (SDM vol. 3, table 7-1). */
function loadSegments(c: Cpu): void {
  installNull(c, LDTR_, image.ldt);
  loadLdt(c, image.ldt, TS);
  if (c.virtual8086) {
    for (const s of ORDER) loadParagraph(c, s, image.selectors[ORDER.indexOf(s)]);
    if (c.eip >>> 0 > c.segmentLimit(CS_)) c.raise(GP, 0);
    return;
  }
  const cs = image.selectors[1];
  const cpl = cs & 3;
  if (isNull(cs)) c.raise(TS, 0);
  const code = scratch;
  readDescriptor(c, cs, TS, code);
  if (!code.isCode || (code.isConforming ? code.dpl > cpl : code.dpl !== cpl)) c.raise(TS, selectorError(cs));
  if (!code.present) c.raise(NP, selectorError(cs));
  markAccessed(c, code);
  enterCode(c, code, cpl);
  checkStackSegment(c, image.selectors[2], cpl, TS, scratch);
  install(c, SS_, scratch);
  for (const s of DATA) loadDataSegment(c, s, image.selectors[ORDER.indexOf(s)], TS);
  if (c.eip >>> 0 > c.segmentLimit(CS_)) c.raise(GP, 0);
}

/**
 * Checks the TSS that a gate, JMP or CALL names: available and present. `vector` is what a wrong one raises.
 */
export function requireAvailable(c: Cpu, d: Descriptor, vector: number): void {
  if (d.type & BUSY) c.raise(vector, selectorError(d.selector));
  if (!d.present) c.raise(NP, selectorError(d.selector));
}

/** The vector of the trap that `switchTask` may ask for. */
export const TASK_TRAP = DB;
