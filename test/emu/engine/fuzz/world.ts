/**
 * The world of the fuzzer's guests, on the rig of the processor's tests: where things lie, which descriptors and pages
 * there are, and how a case becomes a machine. All of RAM (1 MiB) is mapped to itself; code and data are seen at other
 * linear addresses too, through tables that the guest itself edits.
 *
 *     10000  code, eight pages            40000  data, sixteen pages; the last holds the words below
 *     20000  handlers, 16 bytes each      80000  page directories and tables of our own
 *     28000  what handlers jump to        90000  code that is copied over other code
 *     30000  stacks
 */
import type { EngineKind } from '../../../../emu/board.ts';
import type { Machine } from '../../../../emu/machine.ts';
import { profiles } from '../../../../emu/profile/index.ts';
import { CODE, DATA, GDT, HANDLERS, KCODE, PD, PT, Rig } from '../../cpu/rig.ts';
import type { Act } from '../lockstep.ts';
import { random } from '../world.ts';
import { assemble } from './assemble.ts';

export const HELP = 0x2_8000;
export const COPIES = 0x9_0000;

/** Dwords that handlers use. */
export const RESUME = 0x4_f000;
export const FAULTS = 0x4_f004;
export const TICKS = 0x4_f008;
export const FUEL = 0x4_f00c;
export const SCRATCH = 0x4_f010;

/** Page directories; PD of the rig is the first. The second one's alias pages are others, the third has no global page. */
export const DIRECTORIES = [PD, 0x8_0000, 0x8_2000] as const;
/** Tables of the linear pages from ALIAS on: of the first and third directory, and of the second. */
export const ALIAS_TABLES = [0x8_1000, 0x8_3000] as const;
export const DEVICE_TABLE = 0x8_4000;
export const SPLIT_TABLE = 0x8_5000;

/** RAM again, 4 KiB pages. */
export const ALIAS = 0x40_0000;
/** RAM again, one 4 MiB page where CR4.PSE is set, else by SPLIT_TABLE. */
export const BIG = 0x80_0000;
/** The local APIC, video memory, nothing, an uncached page of data. */
export const DEVICES = 0xc0_0000;

/** Descriptors beside the rig's. */
export const BASED_DATA = 0xf0;
export const SMALL_DATA = 0xf8;
export const BASED_CODE = 0x100;
export const CODE16_FLAT = 0x108;
export const USER_BASED_DATA = 0x113;
const EXTRA_END = 0x118;
/** What BASED_CODE and BASED_DATA add. */
export const BASE = 0x1000;

/** What a guest starts with. */
export interface World {
  profile: string;
  /** Of data and registers. */
  seed: number;
  paging: boolean;
  /** CR0 bits besides PE and PG; CR4. */
  cr0: number;
  cr4: number;
  user: boolean;
  eflags: number;
  /** Dwords of page tables that differ from the usual ones: physical address, value. */
  tables: [number, number][];
  /** Counts between two interrupts of the timer; 0 for none. */
  period: number;
  /** Times that a block is interpreted before it is compiled. */
  hot: number;
  /** DR0 to DR3 and DR7. */
  debug: number[] | null;
  /** The regions of linear pages modulo 8, a hex digit each, f for that of whoever called; 0 for none. */
  regions: number;
}

/** A guest and what is done to it. */
export interface Case {
  world: World;
  lines: string[];
  acts: Act[];
}

/** Vectors of the timer and of the gate that leaves one in ring 0. */
export const TIMER = 0x20;
export const STAY = 0x81;

/** Throws an Error for lines that cannot be assembled. */
export function build({ world, lines }: Case, engine: EngineKind): Machine {
  const { chunks, labels } = assemble(lines);
  const rig = new Rig(profiles[world.profile], engine);
  const { c, machine } = rig;
  if (machine.engine.jit) machine.engine.jit.hot = world.hot;
  const next = random(world.seed);
  machine.writePhysical(DATA, Uint8Array.from({ length: 0xf000 }, next));
  descriptors(rig);
  tables(rig);
  for (const [pa, v] of world.tables) rig.set32(pa, v);
  for (const { at, bytes } of chunks) machine.writePhysical(at, Uint8Array.from(bytes));
  rig.set32(RESUME, labels.get('start') ?? CODE);
  if (world.paging) {
    rig.paging();
    // paging() filled the first table.
    for (const [pa, v] of world.tables) rig.set32(pa, v);
  }
  c.setCr4(world.cr4);
  if (world.paging) c.setCr3(PD);
  c.setCr0(c.cr0 | world.cr0);
  if (world.user) rig.user();
  for (let r = 0; r < 8; r++) if (r !== 4) c.r32[r] = next();
  world.debug?.forEach((v, n) => {
    c.setDr(n === 4 ? 7 : n, v);
  });
  c.eflags = world.eflags | 2;
  c.eip = labels.get('start') ?? CODE;
  if (world.regions !== 0)
    machine.setRegions(lin => {
      const region = (world.regions >>> (4 * ((lin >>> 12) & 7))) & 15;
      return region === 15 ? -1 : region;
    });
  if (world.period > 0) timer(machine, world.period);
  return machine;
}

function descriptors(rig: Rig): void {
  const d = (s: number, base: number, limit: number, access: number, flags: number) =>
    rig.descriptor(s, base, limit, access, flags);
  d(BASED_DATA, BASE, 0xfffff, 0x93, 0xc);
  d(SMALL_DATA, DATA, 0x2fff, 0x93, 4);
  d(BASED_CODE, BASE, 0xfffff, 0x9b, 0xc);
  d(CODE16_FLAT, CODE, 0xffff, 0x9b, 0);
  d(USER_BASED_DATA, BASE, 0xfffff, 0xf3, 0xc);
  rig.c.setGdt(GDT, EXTRA_END - 1);
  rig.idt(STAY, KCODE, HANDLERS + STAY * 16, 0xee);
}

const USUAL = 0x67;
const GLOBAL = 0x100;
const PCD = 0x10;

function tables(rig: Rig): void {
  const [first, second, third] = DIRECTORIES;
  for (const directory of DIRECTORIES) {
    rig.set32(directory, PT | USUAL);
    rig.set32(directory + 4, ALIAS_TABLES[directory === second ? 1 : 0] | USUAL);
    rig.set32(directory + 8, directory === third ? SPLIT_TABLE | USUAL : 0x80 | USUAL | GLOBAL);
    rig.set32(directory + 12, DEVICE_TABLE | USUAL);
  }
  rig.set32(first + 16, 0x80 | USUAL);
  for (let page = 0; page < 256; page++) {
    rig.set32(ALIAS_TABLES[0] + page * 4, (page << 12) | USUAL);
    // Pairs of pages change places.
    rig.set32(ALIAS_TABLES[1] + page * 4, ((page ^ 1) << 12) | USUAL);
    rig.set32(SPLIT_TABLE + page * 4, (page << 12) | USUAL | GLOBAL);
  }
  const devices = [0xfee0_0000 | PCD, 0xa_0000 | PCD, 0xe000_0000, 0x4_8000 | PCD];
  devices.forEach((frame, n) => {
    rig.set32(DEVICE_TABLE + n * 4, frame | USUAL);
  });
}

/** IRQ 0 every `period` counts on TIMER, the 8259s in automatic EOI mode, all else masked. */
function timer(m: Machine, period: number): void {
  const out = (port: number, ...values: number[]) => {
    for (const v of values) m.space.writePort(port, 1, v);
  };
  out(0x20, 0x11);
  out(0x21, TIMER, 4, 3, 0xfe);
  out(0x43, 0x34);
  out(0x40, period & 0xff, period >> 8);
}
