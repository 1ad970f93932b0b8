/**
 * REP MOVS, STOS, SCAS and CMPS, many rounds at once: which can go together, and what they do to data, registers and flags.
 * What they do to TLBs, caches and the clock is cpu/runs.ts. Each function takes the rounds that are left, and returns how
 * many it did: 0 leaves the next one to the plain round of string.ts, which may fault, or meet a device.
 *
 * Left out: LODS, INS and OUTS. SDM vol. 2, the instructions' pages.
 */
import type { Cpu } from '../cpu.ts';
import type { Insn } from '../insn.ts';
import { ES_ } from '../segments.ts';
import { sub } from './alu.ts';

const EAX = 0;
const ESI = 6;
const EDI = 7;
/** Fewer bytes are moved by a loop: a call of the host's costs more. */
const FEW = 48;

export type Bulk = (c: Cpu, i: Insn, left: number) => number;

function offset(c: Cpu, i: Insn, register: number): number {
  return i.a32 ? c.r32[register] : c.r16[register * 2];
}

function advance(c: Cpu, i: Insn, register: number, by: number): void {
  if (i.a32) c.r32[register] += by;
  else c.r16[register * 2] += by;
}

function top(i: Insn): number {
  return i.a32 ? 0xffff_ffff : 0xffff;
}

export function moveMany(c: Cpu, i: Insn, left: number): number {
  const { runs } = c;
  const { size, seg } = i;
  const down = c.directionDown;
  const from = offset(c, i, ESI);
  const to = offset(c, i, EDI);
  const loads = c.elements(seg, from, size, down, false, top(i));
  const stores = c.elements(ES_, to, size, down, true, top(i));
  const a = (from + c.segmentBase(seg)) | 0;
  const b = (to + c.segmentBase(ES_)) | 0;
  const n = runs.look(a, b, true, size, down, Math.min(left, loads, stores));
  if (n === 0) return 0;
  const did = runs.take(n);
  if (down) moveDown(c, runs.second, runs.first, size, did);
  else moveUp(c, runs.second, runs.first, size, did);
  const by = down ? -did * size : did * size;
  advance(c, i, ESI, by);
  advance(c, i, EDI, by);
  return did;
}

/** `n` elements, one after another upwards: a target ahead of its source, and in it, repeats what lies between. */
function moveUp(c: Cpu, to: number, from: number, size: number, n: number): void {
  const { ram8 } = c.mmu;
  const bytes = n * size;
  const ahead = to - from;
  if (ahead > 0 && ahead < bytes) {
    if (ahead < size) return moveSingly(c, to, from, size, size, n);
    for (let at = 0; at < bytes; at += ahead)
      ram8.copyWithin(to + at, from + at, from + Math.min(at + ahead, bytes));
  } else if (bytes < FEW) for (let k = 0; k < bytes; k++) ram8[to + k] = ram8[from + k];
  else ram8.copyWithin(to, from, from + bytes);
}

/** The same downwards from the elements at `to` and `from`. */
function moveDown(c: Cpu, to: number, from: number, size: number, n: number): void {
  const bytes = n * size;
  const behind = from - to;
  if (behind > 0 && behind < bytes) moveSingly(c, to, from, size, -size, n);
  else {
    const lowest = size - bytes;
    c.mmu.ram8.copyWithin(to + lowest, from + lowest, from + size);
  }
}

function moveSingly(c: Cpu, to: number, from: number, size: number, step: number, n: number): void {
  for (let k = 0; k < n; k++) put(c, to + k * step, size, get(c, from + k * step, size));
}

function get(c: Cpu, pa: number, size: number): number {
  const { ram, ram8 } = c.mmu;
  return size === 1 ? ram8[pa] : size === 2 ? ram.getUint16(pa, true) : ram.getInt32(pa, true);
}

function put(c: Cpu, pa: number, size: number, v: number): void {
  const { ram, ram8 } = c.mmu;
  if (size === 1) ram8[pa] = v;
  else if (size === 2) ram.setInt16(pa, v, true);
  else ram.setInt32(pa, v, true);
}

export function storeMany(c: Cpu, i: Insn, left: number): number {
  const { runs } = c;
  const { size } = i;
  const down = c.directionDown;
  const to = offset(c, i, EDI);
  const most = Math.min(left, c.elements(ES_, to, size, down, true, top(i)));
  const n = runs.look(Number.NaN, (to + c.segmentBase(ES_)) | 0, true, size, down, most);
  if (n === 0) return 0;
  const did = runs.take(n);
  const bytes = did * size;
  fill(c, down ? runs.second + size - bytes : runs.second, size, did, c.getReg(EAX, size));
  advance(c, i, EDI, down ? -bytes : bytes);
  return did;
}

function fill(c: Cpu, at: number, size: number, n: number, v: number): void {
  const { ram8 } = c.mmu;
  const bytes = n * size;
  put(c, at, size, v);
  if (size === 1) ram8.fill(v, at, at + n);
  else
    for (let done = size; done < bytes; done *= 2)
      ram8.copyWithin(at + done, at, at + Math.min(done, bytes - done));
}

/** SCAS reads at EDI. */
export function scanMany(c: Cpu, i: Insn, left: number): number {
  const { runs } = c;
  const { size } = i;
  const down = c.directionDown;
  const to = offset(c, i, EDI);
  const most = Math.min(left, c.elements(ES_, to, size, down, false, top(i)));
  const found = runs.look((to + c.segmentBase(ES_)) | 0, Number.NaN, false, size, down, most);
  if (found === 0) return 0;
  const value = c.getReg(EAX, size);
  const step = down ? -size : size;
  const whileEqual = i.rep === 1;
  let pa = runs.first;
  let n = 1;
  while (n < found && (get(c, pa, size) === value) === whileEqual) {
    pa += step;
    n++;
  }
  const did = runs.take(n);
  sub(c, value, get(c, runs.first + (did - 1) * step, size), i.shift);
  advance(c, i, EDI, did * step);
  return did;
}

/** CMPS reads at EDI, then at ESI. */
export function compareMany(c: Cpu, i: Insn, left: number): number {
  const { runs } = c;
  const { size, seg } = i;
  const down = c.directionDown;
  const to = offset(c, i, EDI);
  const from = offset(c, i, ESI);
  const firsts = c.elements(ES_, to, size, down, false, top(i));
  const seconds = c.elements(seg, from, size, down, false, top(i));
  const a = (to + c.segmentBase(ES_)) | 0;
  const b = (from + c.segmentBase(seg)) | 0;
  const found = runs.look(a, b, false, size, down, Math.min(left, firsts, seconds));
  if (found === 0) return 0;
  const step = down ? -size : size;
  const whileEqual = i.rep === 1;
  let at = 0;
  let n = 1;
  while (n < found && (get(c, runs.first + at, size) === get(c, runs.second + at, size)) === whileEqual) {
    at += step;
    n++;
  }
  const did = runs.take(n);
  const end = (did - 1) * step;
  sub(c, get(c, runs.second + end, size), get(c, runs.first + end, size), i.shift);
  advance(c, i, ESI, did * step);
  advance(c, i, EDI, did * step);
  return did;
}
