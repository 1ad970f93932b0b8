/**
 * IN, OUT, INS and OUTS. SDM vol. 2, the instructions' pages; vol. 1, 18.5 (protection: IOPL and the TSS's map).
 *
 * An access is charged to the cause `port` before the device sees it, so that the device sees the exact clock.
 */
import { CAUSE } from '../../accounting.ts';
import type { AccessSize } from '../../bus.ts';
import { GP } from '../../mmu/fault.ts';
import type { Cpu } from '../cpu.ts';
import type { Insn } from '../insn.ts';
import { CR4_DE } from '../registers.ts';
import { ES_, TR_ } from '../segments.ts';

const PORT = CAUSE.port;
/** Of a TSS descriptor's type: 32 bits. Where the map's offset lies, and the least limit that takes it in. */
const TSS32_TYPE = 0x800;
const MAP_BASE = 0x66;
const LOWEST_LIMIT = 0x67;
const EAX = 0;
const DX = 4; // in the view of words
const ESI = 6;
const EDI = 7;

/**
 * #GP(0) unless the `size` ports from `port` are allowed: freely at CPL ≤ IOPL, else where the I/O permission bit map
 * of a 32-bit TSS holds zeros; in virtual-8086 mode always by the map. Two bytes of it are read, as silicon does, so
 * the map must end in a byte of ones within the TSS's limit.
 */
export function requirePort(c: Cpu, port: number, size: number): void {
  if (c.cpl <= c.iopl && !c.virtual8086) return;
  const limit = c.segmentLimit(TR_);
  if ((c.segmentAttributes(TR_) & TSS32_TYPE) === 0 || limit < LOWEST_LIMIT) c.raise(GP, 0);
  const tss = c.segmentBase(TR_);
  const at = c.systemRead16(tss + MAP_BASE) + (port >> 3);
  if (at + 1 > limit) c.raise(GP, 0);
  const bits = c.systemRead16(tss + at) >> (port & 7);
  if (bits & ((1 << size) - 1)) c.raise(GP, 0);
}

function readPort(c: Cpu, port: number, size: number): number {
  const isa = c.ports === null || c.ports.busOf(port) === 'isa';
  c.charge(PORT, isa ? c.costs.isaPort : c.costs.pciPortRead);
  watch(c, port, size);
  return c.ports ? c.ports.readPort(port, size as AccessSize) | 0 : -1;
}

function writePort(c: Cpu, port: number, size: number, v: number): void {
  const isa = c.ports === null || c.ports.busOf(port) === 'isa';
  c.charge(PORT, isa ? c.costs.isaPort : c.costs.pciPortWrite);
  watch(c, port, size);
  const value = size === 4 ? v >>> 0 : size === 2 ? v & 0xffff : v & 0xff;
  c.ports?.writePort(port, size as AccessSize, value);
}

/** I/O breakpoints (SDM vol. 3, 17.2.4). */
function watch(c: Cpu, port: number, size: number): void {
  if (c.breakpoints.armed && c.cr4 & CR4_DE) c.breakpoints.port(port, size);
}

export function inImmediate(c: Cpu, i: Insn): void {
  requirePort(c, i.imm & 0xff, i.size);
  c.setReg(EAX, i.size, readPort(c, i.imm & 0xff, i.size));
}

export function inDx(c: Cpu, i: Insn): void {
  requirePort(c, c.r16[DX], i.size);
  c.setReg(EAX, i.size, readPort(c, c.r16[DX], i.size));
}

export function outImmediate(c: Cpu, i: Insn): void {
  requirePort(c, i.imm & 0xff, i.size);
  writePort(c, i.imm & 0xff, i.size, c.getReg(EAX, i.size));
}

export function outDx(c: Cpu, i: Insn): void {
  requirePort(c, c.r16[DX], i.size);
  writePort(c, c.r16[DX], i.size, c.getReg(EAX, i.size));
}

function pointer(c: Cpu, i: Insn, register: number): number {
  return i.a32 ? c.r32[register] : c.r16[register * 2];
}

function advance(c: Cpu, i: Insn, register: number): void {
  const by = c.directionDown ? -i.size : i.size;
  if (i.a32) c.r32[register] += by;
  else c.r16[register * 2] += by;
}

/** One round of INS, whose port was allowed. The store's faults come before the port is read: that has effects. */
export function ins(c: Cpu, i: Insn): void {
  const at = pointer(c, i, EDI);
  c.probeStore(ES_, at, i.size);
  c.store(ES_, at, i.size, readPort(c, c.r16[DX], i.size));
  advance(c, i, EDI);
}

/** One round of OUTS, whose port was allowed. */
export function outs(c: Cpu, i: Insn): void {
  const v = c.load(i.seg, pointer(c, i, ESI), i.size);
  writePort(c, c.r16[DX], i.size, v);
  advance(c, i, ESI);
}
