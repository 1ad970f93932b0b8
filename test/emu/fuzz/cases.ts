/** Random guests: a case is plain data (so that it can be kept as a file), the generator draws and shrinks it. */
import fc from 'fast-check';
import { CR0_PE, CR0_PG, CR0_WP, VM } from '../../../emu/cpu/registers.ts';
import { allRows } from '../../../emu/cpu/table.ts';
import {
  CODE,
  CODE_BYTES,
  DATA,
  GDT,
  GDT_SLOTS,
  IDT,
  KCODE,
  KCODE16,
  KDATA,
  KDATA16,
  LDT,
  LDT_SLOTS,
  PD,
  PT,
  STACK,
  TASK,
  TASK16,
  TSS,
  UCODE,
  UCODE16,
  UDATA,
  UDATA16,
  USER_STACK,
  type World,
} from './world.ts';

export const MODES = [
  'ring 0',
  'ring 3',
  'ring 0, 16 bits',
  'ring 3, 16 bits',
  'real',
  'virtual 8086',
] as const;
export type Mode = (typeof MODES)[number];

export interface Case {
  profile: string;
  mode: Mode;
  paging: boolean;
  /** CR0.WP. */
  protect: boolean;
  /** Bytes at CODE, and more of them over handlers. */
  code: number[];
  handlers: [number, number[]][];
  regs: number[];
  eflags: number;
  /** Dwords over anything in the first 32 KiB: tables, tasks, page tables. */
  patches: [number, number][];
  cr4: number;
  /** DR0–3 and DR7, or none. */
  debug: number[];
  /** PIT counts from interrupt to interrupt, or 0. */
  tick: number;
  /** Lengths of the slices in which the guest runs, in cycles. */
  slices: number[];
}

/** A row's opcode with random bytes for what follows it. */
function instruction(row: number, bytes: readonly number[]): number[] {
  const tokens = allRows[row].enc.split(' ');
  const opcode = tokens.filter(t => /^[0-9A-Fa-f]{2}$/.test(t)).map(t => Number.parseInt(t, 16));
  const [prefix, modrm, ...rest] = bytes;
  if (tokens.includes('+r')) opcode[opcode.length - 1] |= modrm & 7;
  const out = prefix < 40 ? [PREFIXES[prefix % PREFIXES.length], ...opcode] : opcode;
  const field = tokens.find(t => t.startsWith('/'));
  if (!field) return [...out, modrm, ...rest];
  const digit = field === '/r' ? (modrm >> 3) & 7 : Number(field[1]);
  const form = tokens.includes('m') ? modrm & 0x7f : modrm;
  // A displacement of four bytes is an address in RAM more often than not.
  if (rest[3] % 8 !== 0) [rest[2], rest[3]] = [rest[2] & 15, 0];
  return [...out, (form & 0xc7) | (digit << 3), ...rest];
}
const PREFIXES = [0x66, 0x67, 0xf3, 0xf2, 0xf0, 0x2e, 0x36, 0x64];

const byte = fc.nat(255);
const dword = fc.integer();
const chunk = fc.oneof(
  { weight: 1, arbitrary: fc.array(byte, { minLength: 1, maxLength: 6 }) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.nat(allRows.length - 1), fc.array(byte, { minLength: 5, maxLength: 8 }))
      .map(([row, bytes]) => instruction(row, bytes)),
  },
);
const code = (maxLength: number) => fc.array(chunk, { maxLength, size: 'max' }).map(chunks => chunks.flat());
/** Pages of RAM: those that code, stacks and data are on more often than others. */
const page = fc.oneof(
  fc.nat(255),
  fc.nat(15).map(n => (DATA >> 12) + n),
  fc.nat(8).map(n => (STACK >> 12) - 1 + n),
  fc.nat(2).map(n => (CODE >> 12) + n),
);
const place = fc.oneof(
  fc.nat(0xfffff),
  fc.nat(0xffff).map(n => DATA + n),
  fc.nat(0x1fff).map(n => CODE + n),
  fc.nat(0xffff),
  dword,
);
/** A page-table entry that often means something. */
const entry = fc
  .tuple(
    fc.oneof(fc.nat(255), fc.nat(0xfffff), fc.constantFrom(0xfeb00, 0xfffff, 0xa0, 0xfec00)),
    fc.nat(0xfff),
  )
  .map(([frame, bits]) => (frame << 12) | bits);
/** Access byte and flags of a descriptor that often means something. */
const high = fc
  .tuple(byte, fc.nat(15), byte)
  .map(([access, flags, base]) => (access << 8) | (flags << 20) | (base & 3));
/** A page where it was, with other rights. */
const rights = fc
  .tuple(page, fc.nat(0x1ff))
  .map(([n, bits]): [number, number] => [PT + n * 4, (n << 12) | bits | 1]);
const patch = fc.oneof(
  { weight: 6, arbitrary: rights },
  fc.tuple(
    page.map(n => PT + n * 4),
    entry,
  ),
  fc.tuple(fc.constantFrom(PD, PD + 4, PD + 0xffc, PD + 0x800), entry),
  fc.tuple(
    fc.nat(GDT_SLOTS - 1).map(n => GDT + n * 8 + 4),
    fc.oneof(high, dword),
  ),
  fc.tuple(
    fc.nat(GDT_SLOTS * 2 - 1).map(n => GDT + n * 4),
    dword,
  ),
  fc.tuple(
    fc.nat(LDT_SLOTS * 2 - 1).map(n => LDT + n * 4),
    fc.oneof(high, dword),
  ),
  fc.tuple(
    fc.nat(0x3f).map(n => IDT + n * 4),
    fc.oneof(dword, high),
  ),
  fc.tuple(
    fc.constantFrom(TSS, TASK, TASK16).chain(at => fc.nat(27).map(n => at + n * 4)),
    place,
  ),
  fc.tuple(
    fc.nat(255).map(n => n * 4),
    dword,
  ),
);

export const cases: fc.Arbitrary<Case> = fc.record({
  profile: fc.constantFrom('flat', 'p4-1700', 'flat', 'p3-1000'),
  mode: fc.constantFrom(...MODES),
  paging: fc.integer({ min: 0, max: 3 }).map(n => n > 0),
  protect: fc.boolean(),
  code: code(150),
  handlers: fc.array(fc.tuple(fc.nat(31), code(4)), { maxLength: 4 }),
  regs: fc.array(place, { minLength: 8, maxLength: 8 }),
  eflags: fc.nat(0x27_7fd7),
  patches: fc.array(patch, { maxLength: 40, size: 'max' }),
  cr4: fc.oneof(fc.constant(0), fc.nat(0x1ff)),
  debug: fc.oneof(
    { weight: 3, arbitrary: fc.constant<number[]>([]) },
    fc.array(place, { minLength: 5, maxLength: 5 }),
  ),
  tick: fc.oneof(fc.constant(0), fc.integer({ min: 40, max: 600 })),
  slices: fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 8, size: 'max' }),
});

const CR4_KNOWN = 0x19f;

/** Puts the case into a world that is as it was built. */
export function set(world: World, c: Case): void {
  const { machine } = world;
  const { cpu } = machine;
  world.write(CODE, c.code.slice(0, CODE_BYTES));
  for (const [vector, bytes] of c.handlers) world.write(0x2_0000 + vector * 16, bytes.slice(0, 16));
  const real = c.mode === 'real';
  const bits16 = c.mode.endsWith('16 bits');
  const user = c.mode.startsWith('ring 3');
  if (real) cpu.setIdt(0, 0x3ff);
  else cpu.setIdt(IDT, 0x7ff);
  if (user) world.enter(bits16 ? UCODE16 : UCODE, bits16 ? UDATA16 : UDATA, bits16 ? 0x6000 : USER_STACK);
  else world.enter(bits16 ? KCODE16 : KCODE, bits16 ? KDATA16 : KDATA, bits16 ? 0x7000 : STACK);
  // The tables are spoilt behind the segments that the guest starts with.
  for (const [at, v] of c.patches) world.set32(at, v);
  machine.engine.ramChanged(0, machine.ramSize);
  for (let r = 0; r < 8; r++) if (r !== 4) cpu.setReg(r, 4, c.regs[r]);
  if (c.regs[4] % 8 === 0) cpu.esp = c.regs[4];
  let eflags = (c.eflags & ~VM) | 2;
  if (real || c.mode === 'virtual 8086') {
    [DATA >> 4, CODE >> 4, 0x3000, DATA >> 4, 0x4100, 0].forEach((selector, s) => {
      cpu.setSegment(s, selector, selector << 4, 0xffff, real ? 0x9300 : 0xf300);
    });
    cpu.esp = 0xf000;
    cpu.eip = 0;
    if (!real) eflags |= VM;
    cpu.setPrivilege(real ? 0 : 3);
  }
  cpu.setCr4(c.cr4 & CR4_KNOWN);
  cpu.setCr3(PD);
  cpu.setCr0(real ? 0 : CR0_PE | (c.paging ? CR0_PG : 0) | (c.protect ? CR0_WP : 0));
  c.debug.forEach((v, n) => {
    cpu.setDr(n === 4 ? 7 : n, n === 4 ? (v & 0xffff_00ff) | 0x400 : v);
  });
  cpu.eflags = eflags;
  if (c.tick > 0) tick(world, c.tick);
}

/** IRQ 0 every `period` counts on vector 0x20, the 8259s in automatic EOI mode, all else masked. */
function tick({ machine }: World, period: number): void {
  const out = (port: number, ...values: number[]) => {
    for (const v of values) machine.space.writePort(port, 1, v);
  };
  out(0x20, 0x11);
  out(0x21, 0x20, 4, 3, 0xfe);
  out(0x43, 0x34);
  out(0x40, period & 0xff, period >> 8);
}
