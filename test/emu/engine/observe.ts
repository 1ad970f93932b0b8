/**
 * All that two machines must have in common, and the first places where they differ: registers with EFLAGS worked out,
 * segments, RAM, matrix, clock, TLBs and twins in their order of recency, cache tags, store buffer, streams, predictor,
 * counters, devices and their deadlines, and how far the current block has got.
 *
 * Left out: what is derived (decoded blocks, front table, hints), the arithmetic flags' lazy operands, and the stamps
 * of a TLB beyond the order that they give to a set.
 */

import type { Clock } from '../../../emu/clock.ts';
import type { Cpu } from '../../../emu/cpu/cpu.ts';
import { PAGE_CODE } from '../../../emu/mmu/attributes.ts';
import type { Tlb } from '../../../emu/mmu/tlb.ts';
import type { State } from '../../../emu/state.ts';

/** A machine, or a processor in a test's own world. */
export interface Observed {
  readonly cpu: Cpu;
  readonly clock: Clock;
  readonly state: State;
  /** What is not in the state's memory: at least `engine`, of Engine.save(). */
  saveParts(): unknown;
}

/** One thing that two machines do not have in common. */
export interface Difference {
  field: string;
  one: string;
  two: string;
}

/** The dwords of the area `cpu` in order, but for the segment registers (emu/cpu/registers.ts). */
const REGISTERS = [
  ...['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'zero', 'eip', 'result', 'aux', 'stored flags'],
  ...['cr0', 'cr2', 'cr3', 'cr4', 'cpl', 'dr0', 'dr1', 'dr2', 'dr3', 'dr4', 'dr5', 'dr6', 'dr7'],
  ...['gdt base', 'gdt limit', 'idt base', 'idt limit'],
];
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'];
/** Two of the lazy flags; both engines must agree in EFLAGS only. */
const LAZY = new Set(['result', 'aux', 'stored flags']);
const EMPTY = -1;
const DIFFERENCES = 12;

const hex = (v: number) => (v >>> 0).toString(16);

function register(n: number): string {
  if (n < 32) return REGISTERS[n] ?? `cpu dword ${n}`;
  return `${SEGMENTS[(n - 32) >> 2]} ${['selector', 'base', 'limit', 'attributes'][n & 3]}`;
}

class Finder {
  readonly found: Difference[] = [];

  /** True if equal. */
  same(field: string, one: unknown, two: unknown): boolean {
    if (Object.is(one, two)) return true;
    this.found.push({ field, one: text(one), two: text(two) });
    return false;
  }

  /** The first places at which two values differ, by name; typed arrays, maps and plain objects. */
  deep(field: string, one: unknown, two: unknown): void {
    if (this.found.length >= DIFFERENCES || Object.is(one, two)) return;
    if (typeof one !== 'object' || typeof two !== 'object' || one === null || two === null) {
      this.same(field, one, two);
      return;
    }
    if (ArrayBuffer.isView(one) && ArrayBuffer.isView(two) && sameBytes(one, two)) return;
    for (const key of new Set([...Object.keys(one), ...Object.keys(two)]))
      this.deep(
        `${field}.${key}`,
        (one as Record<string, unknown>)[key],
        (two as Record<string, unknown>)[key],
      );
  }
}

function sameBytes(one: ArrayBufferView, two: ArrayBufferView): boolean {
  const [a, b] = [one, two].map(v => Buffer.from(v.buffer, v.byteOffset, v.byteLength));
  return a.equals(b);
}

function text(v: unknown): string {
  return typeof v === 'number' ? (Number.isInteger(v) ? `${v} (0x${v.toString(16)})` : `${v}`) : `${v}`;
}

/** What differs, the most telling first; at most a dozen places. */
export function differences(one: Observed, two: Observed): Difference[] {
  const f = new Finder();
  f.same('clock', one.clock.now(), two.clock.now());
  registers(f, one, two);
  f.same('instructions', one.cpu.instructions, two.cpu.instructions);
  f.same('deliveries', one.cpu.deliveries, two.cpu.deliveries);
  parts(f, one, two);
  areas(f, one, two);
  one.cpu.mmu.tlbs().forEach((tlb, n) => {
    sameTlb(f, tlb, two.cpu.mmu.tlbs()[n]);
  });
  ram(f, one, two);
  return f.found.slice(0, DIFFERENCES);
}

function registers(f: Finder, one: Observed, two: Observed): void {
  f.same('eflags', one.cpu.eflags, two.cpu.eflags);
  const [a, b] = [one.cpu.r32, two.cpu.r32];
  for (let n = 0; n < a.length; n++) if (!LAZY.has(register(n))) f.same(register(n), a[n], b[n]);
}

/** What a snapshot holds beside the memory: counters, pending events, devices, the engine's place in its block. */
function parts(f: Finder, one: Observed, two: Observed): void {
  const [a, b] = [one, two].map(m => {
    const saved = m.saveParts() as Record<string, unknown>;
    const engine = saved.engine as {
      cpu: { mmu: { control: { attributes: Uint8Array } } };
    };
    const { control } = engine.cpu.mmu;
    // Which pages hold decoded code is the host's business.
    control.attributes = control.attributes.map(bits => bits & ~PAGE_CODE);
    return saved;
  });
  f.deep('', a, b);
  // Which pages may have been written: the second may say so of more.
  const missed = one.cpu.mmu.dirty.findIndex((bits, page) => (bits & ~two.cpu.mmu.dirty[page]) !== 0);
  f.same('dirty page missed', -1, missed);
}

/** The areas of the state memory that are neither registers nor TLBs, byte by byte. */
function areas(f: Finder, one: Observed, two: Observed): void {
  // What TLBs are is compared by itself.
  const apart = /^cpu$|^[id]tlb|TLBs clock$/;
  for (const { name, offset, bytes } of one.state.areas) {
    if (apart.test(name) || offset >= one.state.used) continue;
    const [a, b] = [one, two].map(m => Buffer.from(m.state.memory.buffer, offset, bytes));
    if (a.equals(b)) continue;
    if (bytes % 4 !== 0 || name === 'branch counters') bytesOf(f, name, a, b);
    else if (FLOATS.test(name)) floatsOf(f, name, a, b);
    else dwordsOf(f, name, a, b);
  }
}

/** Areas of doubles. */
const FLOATS = /^(accounting|matrix|time|clock|memory timing)$/;

function bytesOf(f: Finder, name: string, a: Buffer, b: Buffer): void {
  const at = a.findIndex((v, n) => v !== b[n]);
  f.same(`${name}[${at}]`, a[at], b[at]);
}

function dwordsOf(f: Finder, name: string, a: Buffer, b: Buffer): void {
  let left = 3;
  for (let at = 0; at < a.length && left > 0; at += 4)
    if (!f.same(`${name}[${at / 4}]`, a.readInt32LE(at), b.readInt32LE(at))) left--;
}

function floatsOf(f: Finder, name: string, a: Buffer, b: Buffer): void {
  let left = 6;
  for (let at = 0; at < a.length && left > 0; at += 8)
    if (!f.same(`${name}[${at / 8}]`, a.readDoubleLE(at), b.readDoubleLE(at))) left--;
}

function ram(f: Finder, one: Observed, two: Observed): void {
  const [a, b] = [one, two].map(m => {
    const bytes = m.state.ram8();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  });
  if (a.equals(b)) return;
  let left = 4;
  for (let at = 0; at < a.length && left > 0; at += 4) {
    if (a.readInt32LE(at) === b.readInt32LE(at)) continue;
    f.found.push({ field: `ram ${hex(at)}`, one: hex(a.readInt32LE(at)), two: hex(b.readInt32LE(at)) });
    left--;
  }
}

// ---- TLBs -------------------------------------------------------------------------------------------------------

function sameTlb(f: Finder, a: Tlb, b: Tlb): void {
  f.same(`${a.name} misses`, a.misses, b.misses);
  f.same(`${a.name} switch misses`, a.switchMisses, b.switchMisses);
  f.same(`${a.name} global hits`, a.globalHits, b.globalHits);
  const [x, y] = [picture(a), picture(b)];
  for (let n = 0; n < Math.max(x.length, y.length); n++)
    if (x[n] !== y[n])
      return void f.found.push({ field: a.name, one: x[n] ?? '(none)', two: y[n] ?? '(none)' });
}

/** A line an entry and an entry of the twin, each set from the oldest to the newest. */
function picture(tlb: Tlb): string[] {
  const { key, frame, flags, twinKey, twinTag, twinLink, stamps } = tlb;
  const all = [...key.keys()];
  const setOf = (k: number) => k & tlb.setMask;
  const real = all
    .filter(e => key[e] !== EMPTY)
    .sort((p, q) => setOf(key[p]) - setOf(key[q]) || tlb.lastUse(p) - tlb.lastUse(q));
  const twins = all
    .filter(t => twinKey[t] !== EMPTY)
    .sort((p, q) => setOf(twinKey[p]) - setOf(twinKey[q]) || stamps[p] - stamps[q]);
  const words = (...v: number[]) => v.map(hex).join(' ');
  return [
    ...real.map(
      e => `entry ${e}: ${words(key[e], frame[e], flags[e])}${tlb.paired(e) ? '' : ' not in the twin'}`,
    ),
    ...twins.map(t => `twin ${t}: ${words(twinKey[t], twinTag[t])} of ${twinLink[t]}`),
  ];
}
