/**
 * What holds for the machine between any two instructions, whatever the guest did. Each rule is a line of text when
 * it is broken. Private parts are read through `parts`: nothing else is told of them.
 */
import type { Machine } from '../../../emu/machine.ts';
import { BIG, TLB_D, TLB_U, TLB_W, type Tlb } from '../../../emu/mmu/tlb.ts';
import { RAM_OFFSET } from '../../../emu/state.ts';

/** Bits of EFLAGS that are always 0: reserved ones, and VIF and VIP, which need VME. */
const EFLAGS_ZERO = 0xffd8_8028 | 0;
const EFLAGS_ONE = 2;
const FRONT = 1024;
const NO_REGISTER = 8;

interface MmuParts {
  paging: boolean;
  writeProtect: boolean;
  epoch: number;
  /** Four dwords a slot: tags for reads and writes, physical less linear address, address of the TLB entry's stamp. */
  front: Int32Array;
  /** Page, privilege, physical less linear address. */
  fetching: Int32Array;
  nobody: number;
  /** Slots as in `front`, half for each privilege. */
  codeFront: Int32Array;
}

const ZEROS = Buffer.alloc(RAM_OFFSET);

const hex = (v: number) => (v >>> 0).toString(16);

export class Invariants {
  private readonly machine: Machine;
  private readonly memory: Buffer;
  /** State memory that no area owns, as [from, to). */
  private readonly gaps: [number, number][] = [];
  /** CS came from real mode, or CR0.PE was set under it: its privilege is not in its selector. */
  private loose = false;

  constructor(machine: Machine) {
    this.machine = machine;
    this.memory = Buffer.from(machine.state.memory.buffer);
    let end = 0;
    const areas = machine.state.areas.filter(a => a.offset < RAM_OFFSET);
    for (const { offset, bytes } of areas.sort((a, b) => a.offset - b.offset)) {
      this.gaps.push([end, offset]);
      end = offset + bytes;
    }
    this.gaps.push([end, RAM_OFFSET]);
    const { cpu } = machine;
    const setCr0 = cpu.setCr0.bind(cpu);
    cpu.setCr0 = v => {
      if (!(v & 1)) this.loose = true;
      setCr0(v);
    };
  }

  /** A new guest starts. */
  reset(): void {
    this.loose = !this.machine.cpu.protectedMode;
  }

  /** All rules that are broken now. */
  check(): string[] {
    return [...this.flags(), ...this.segments(), ...this.time(), ...this.canaries(), ...this.translations()];
  }

  private flags(): string[] {
    const { cpu } = this.machine;
    const { eflags } = cpu;
    const broken: string[] = [];
    if ((eflags & EFLAGS_ZERO) !== 0 || !(eflags & EFLAGS_ONE)) broken.push(`EFLAGS is ${hex(eflags)}`);
    if (cpu.r32[NO_REGISTER] !== 0) broken.push('"no register" is not 0');
    return broken;
  }

  private segments(): string[] {
    const { cpu } = this.machine;
    const broken: string[] = [];
    const say = (text: string) =>
      broken.push(`${text}: CS ${hex(cpu.selector(1))}/${hex(cpu.segmentAttributes(1))}, CPL ${cpu.cpl}`);
    if (cpu.bigStack !== ((cpu.segmentAttributes(2) & 0x40_0000) !== 0)) say('stack size');
    if (cpu.codeBig !== ((cpu.segmentAttributes(1) & 0x40_0000) !== 0)) say('code size');
    for (let s = 0; s < 8; s++)
      if (cpu.segmentBase(s) !== cpu.r32[32 + s * 4 + 1]) say(`base of segment ${s}`);
    if (!cpu.protectedMode) {
      if (cpu.cpl !== 0) say('privilege in real mode');
      return broken;
    }
    if (cpu.virtual8086) {
      if (cpu.cpl !== 3) say('privilege in virtual-8086 mode');
      for (let s = 0; s < 6; s++)
        if (cpu.segmentBase(s) !== cpu.selector(s) << 4 || cpu.segmentLimit(s) !== 0xffff)
          say(`segment ${s} in virtual-8086 mode`);
      return broken;
    }
    // A task switch that failed past its commit point may leave segments absent: then the next fault is the end.
    if (this.loose || cpu.shutdown) return broken;
    if ((cpu.selector(1) & 3) !== cpu.cpl) say('privilege of CS');
    if ((cpu.segmentAttributes(1) & 0x9800) !== 0x9800) say('CS is no code');
    for (const s of [0, 2, 3, 4, 5]) {
      const attributes = cpu.segmentAttributes(s);
      if (attributes === 0) continue;
      if ((cpu.selector(s) & 0xfffc) === 0 && s !== 2) say(`null segment ${s} is usable`);
      if ((attributes & 0x9000) !== 0x9000) say(`segment ${s} is absent or a system's`);
    }
    const ss = cpu.segmentAttributes(2);
    if (ss !== 0 && ((ss & 0x1a00) !== 0x1200 || ((ss >>> 13) & 3) !== cpu.cpl)) say(`SS is ${hex(ss)}`);
    return broken;
  }

  private time(): string[] {
    const { accounting, clock } = this.machine;
    const sum = accounting.sum();
    return sum === clock.now() ? [] : [`the matrix sums to ${sum}, the clock says ${clock.now()}`];
  }

  private canaries(): string[] {
    for (const [from, to] of this.gaps)
      if (this.memory.compare(ZEROS, 0, to - from, from, to) !== 0)
        return [`state memory from ${from} to ${to} was written, which nobody owns`];
    return [];
  }

  /** The front table and the fetch page against the TLBs. */
  translations(): string[] {
    const { mmu } = this.machine.cpu;
    const parts = mmu as unknown as MmuParts;
    const broken: string[] = [];
    for (const tlb of mmu.tlbs()) if (duplicates(tlb)) broken.push(`${tlb.name} holds a page twice`);
    for (let slot = 0; slot < 2 * FRONT; slot++) {
      for (const write of [false, true]) {
        const tag = parts.front[4 * slot + (write ? 1 : 0)];
        if ((tag & 0xfff) !== parts.epoch) continue;
        const wrong = this.frontSlot(tag & ~0xfff, slot, write, parts);
        if (wrong)
          broken.push(`front table, page ${hex(tag & ~0xfff)}, ${write ? 'write' : 'read'}: ${wrong}`);
      }
    }
    for (let at = 0; at < parts.codeFront.length; at += 4)
      if ((parts.codeFront[at] & 0xfff) === parts.epoch) {
        const wrong = this.codeSlot(at, parts);
        if (wrong) broken.push(`code front, page ${hex(parts.codeFront[at] & ~0xfff)}: ${wrong}`);
      }
    const [page, user, delta] = parts.fetching;
    if ((page & 0xfff) === 0) {
      const pa = (page + delta) | 0;
      const from = [mmu.itlb, mmu.itlb4m].map(t => resolve(t, page)).find(r => r !== null);
      if (parts.paging ? from?.pa !== pa : pa !== page)
        broken.push(`fetch page ${hex(page)} is not in the ITLB`);
      if (parts.paging && user !== 0 && !((from?.flags ?? 0) & TLB_U))
        broken.push(`fetch page ${hex(page)} is the supervisor's`);
    }
    return broken;
  }

  private codeSlot(at: number, parts: MmuParts): string | null {
    const { mmu } = this.machine.cpu;
    const page = parts.codeFront[at] & ~0xfff;
    const pa = (page + parts.codeFront[at + 2]) | 0;
    const stamp = parts.codeFront[at + 3];
    if (!parts.paging) return pa === page && stamp === parts.nobody ? null : 'translates without paging';
    const tlb = [mmu.itlb, mmu.itlb4m].find(t => resolve(t, page)) ?? mmu.itlb;
    const found = resolve(tlb, page);
    if (!found || tlb.cell[found.e] !== stamp || !tlb.paired(found.e) || found.pa !== pa)
      return 'the ITLB does not say so';
    return at >= parts.codeFront.length / 2 && !(found.flags & TLB_U) ? "the supervisor's" : null;
  }

  private frontSlot(page: number, slot: number, write: boolean, parts: MmuParts): string | null {
    const { mmu } = this.machine.cpu;
    const pa = (page + parts.front[4 * slot + 2]) | 0;
    if (pa >>> 0 >= mmu.ramSize) return `leads to ${hex(pa)}`;
    const stamp = parts.front[4 * slot + 3];
    if (!parts.paging) return pa === page && stamp === parts.nobody ? null : 'translates without paging';
    const tlb = [mmu.dtlb, mmu.dtlb4m].find(t => resolve(t, page)) ?? mmu.dtlb;
    const found = resolve(tlb, page);
    if (!found || tlb.cell[found.e] !== stamp || !tlb.paired(found.e) || found.pa !== pa)
      return 'the TLB does not say so';
    const user = slot >= FRONT;
    if (user && !(found.flags & TLB_U)) return "the supervisor's";
    if (!write) return null;
    if (!(found.flags & TLB_D)) return 'clean';
    return (user || parts.writeProtect) && !(found.flags & TLB_W) ? 'read-only' : null;
  }
}

function duplicates(tlb: Tlb): boolean {
  const keys = [...tlb.key].filter(k => k !== -1);
  return new Set(keys).size !== keys.length;
}

function resolve(tlb: Tlb, lin: number): { e: number; pa: number; flags: number } | null {
  let e = tlb.key.indexOf(lin >>> 12);
  if (e < 0) e = tlb.key.indexOf((lin >>> 22) | BIG);
  if (e < 0) return null;
  const offset = tlb.key[e] & BIG ? lin & 0x3fffff : lin & 0xfff;
  return { e, pa: tlb.frame[e] | offset, flags: tlb.flags[e] };
}
