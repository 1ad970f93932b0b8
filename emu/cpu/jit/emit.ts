/**
 * One unit's function being written: locals, registers, lazy flags, the ways out, and memory accesses with their fast
 * part inline. The fast part does what Mmu.read… and write… do when they find everything at hand; all else is a call.
 *
 * Flags. Five locals hold the last result and its carry vector unfolded (registers.ts): AUX = ((x & y) | ((x | y) &
 * ~(result ^ n))) & m. An addition leaves its operands in x and y and n = 0, a subtraction ~a, b and n = -1; a vector
 * that is known leaves itself in both, n = 0 and m = -1. Nothing is folded unless it is read or an exit needs it.
 */
import type { Insn } from '../insn.ts';
import { NO_REGISTER } from '../insn.ts';
import { CELL, EXIT_BORDER, EXIT_FAULT, EXIT_MIDDLE, FAULT } from './cells.ts';
import type { Layout } from './layout.ts';
import { Code, type Func, I32, I64, type Import } from './wasm.ts';

/** The functions that compiled code calls, in the order of their numbers. */
export const HELPERS = {
  /** (segment, offset, size, due, at): the value, zero-extended; status. */
  read: 0,
  /** (segment, offset, size, value, due, at); status. */
  write: 1,
  /** (segment, offset, size, due, at): raises the faults of a store; status. */
  probe: 2,
  /** (pa, due): a load from a line of L1D that is not the most recent of its set. */
  load: 3,
  /** (pa, due): a store to such a line, or another than the last. */
  store: 4,
  /** (pa, due): the same for a fetch. */
  fetch: 5,
  /** (at, due): the row's executor does it; status. */
  execute: 6,
  /** (at, due): #GP(0); status. */
  general: 7,
  /** (entry): stamps of a TLB have run out. */
  renumber: 8,
} as const;

const parameters = (n: number) => Array.from({ length: n }, () => I32);
export const IMPORTS: readonly Import[] = [
  { name: 'read', signature: { parameters: parameters(5), results: [I32] } },
  { name: 'write', signature: { parameters: parameters(6), results: [] } },
  { name: 'probe', signature: { parameters: parameters(5), results: [] } },
  { name: 'load', signature: { parameters: parameters(2), results: [] } },
  { name: 'store', signature: { parameters: parameters(2), results: [] } },
  { name: 'fetch', signature: { parameters: parameters(2), results: [] } },
  { name: 'execute', signature: { parameters: parameters(2), results: [] } },
  { name: 'general', signature: { parameters: parameters(2), results: [] } },
  { name: 'renumber', signature: { parameters: parameters(1), results: [] } },
];

// Locals. The parameter is the block to begin with.
export const NEXT = 0;
const REGISTERS = 1;
const RESULT = 9;
const X = 10;
const Y = 11;
const N = 12;
const M = 13;
export const PENDING = 14;
export const FETCHES = 15;
export const LINE = 16;
const BANK = 17;
export const KIND = 18;
export const AT = 19;
/** Operands of the last subtraction. */
export const A = 20;
export const B = 21;
export const OFFSET = 22;
export const VALUE = 23;
export const T = 24;
const LIN = 25;
const SLOT = 26;
const PA = 27;
const ENTRY = 28;
export const EIP_LOCAL = 29;
/** CF before an instruction that keeps it. */
export const CARRY = 30;
const I32_LOCALS = 30;
export const COUNTS = 31;

const SLOT_EIP = 9 * 4;
const SLOT_RESULT = 10 * 4;
const SLOT_AUX = 11 * 4;
const CARRIES = 0xc000_0008 | 0;
const HIGH_CARRIES = 0xc000_0000 | 0;
const MAX_STAMP = 0x7fff_ffff;
const FRONT_MASK = 1023;
const FRONT_WRITE = 4;
const FRONT_DELTA = 8;
const FRONT_ENTRY = 12;
/** Entries of the second data TLB are numbered from here. */
const SECOND_TLB = 256;

/** What is known of the flags while a block is translated. */
export type FlagState = 'any' | 'sub' | 'logic';

/** What the segments are, for which a unit is compiled. */
export interface Segments {
  base: readonly number[];
  /** Highest offset that a load or store may reach, or -1: always the helper. */
  readTop: readonly number[];
  writeTop: readonly number[];
  codeLimit: number;
}

export class Emitter {
  readonly c = new Code();
  readonly layout: Layout;
  readonly segments: Segments;
  flags: FlagState = 'any';
  /** Labels around the place that is written: how far out the loop and the exit are. */
  depth = 0;
  /** Where the running instruction is, and its issue ticks and those before it in the block. */
  at = 0;
  due = 0;
  /** The running instruction is its block's last: if code changes, the border behind it is the way out. */
  atEnd = false;

  constructor(layout: Layout, segments: Segments) {
    this.layout = layout;
    this.segments = segments;
  }

  // ---- structure ------------------------------------------------------------------------------------------------

  block(body: () => void): void {
    this.c.block();
    this.depth++;
    body();
    this.depth--;
    this.c.op('end');
  }

  if(body: () => void, otherwise?: () => void): void {
    this.c.if();
    this.depth++;
    body();
    if (otherwise) {
      this.c.op('else');
      otherwise();
    }
    this.depth--;
    this.c.op('end');
  }

  /** Leaves the unit; EIP is set by the host but at a border. */
  exit(kind: number, at: number): void {
    this.c.i32(kind).set(KIND).i32(at).set(AT).br(this.depth);
  }

  exitFault(): void {
    this.exit(EXIT_FAULT, this.at);
  }

  /** Behind the running instruction, in the middle of its block. */
  exitBehind(): void {
    this.exit(EXIT_MIDDLE, this.at + 1);
  }

  /** At a border: EIP is in its local. */
  exitBorder(): void {
    this.exit(EXIT_BORDER, this.at);
  }

  // ---- registers ------------------------------------------------------------------------------------------------

  /** Pushes a dword register; index 8 is zero. */
  r32(index: number): Code {
    return index === NO_REGISTER ? this.c.i32(0) : this.c.get(REGISTERS + index);
  }

  setR32(index: number): Code {
    return this.c.set(REGISTERS + index);
  }

  /** Pushes a byte register by its offset in the register file, zero-extended. */
  r8(index: number): Code {
    const c = this.c.get(REGISTERS + (index >> 2));
    if (index & 3) c.i32(8).op('i32shr_u');
    return c.i32(0xff).op('i32and');
  }

  /** Takes a value (any upper bits) and puts its low byte into a byte register. Uses VALUE's neighbour T. */
  setR8(index: number): void {
    const register = REGISTERS + (index >> 2);
    const high = (index & 3) !== 0;
    this.c.i32(0xff).op('i32and');
    if (high) this.c.i32(8).op('i32shl');
    this.c.set(T);
    this.c
      .get(register)
      .i32(high ? ~0xff00 : ~0xff)
      .op('i32and')
      .get(T)
      .op('i32or')
      .set(register);
  }

  r16(index: number): Code {
    return this.c
      .get(REGISTERS + (index >> 1))
      .i32(0xffff)
      .op('i32and');
  }

  /** Pushes `r32[src] + value`: a register or an immediate. */
  source(i: Insn): Code {
    if (i.src === NO_REGISTER) return this.c.i32(i.value);
    return this.r32(i.src);
  }

  /** Pushes the memory operand's offset (32-bit addresses). */
  ea(i: Insn): Code {
    const { c } = this;
    let any = false;
    if (i.base !== NO_REGISTER) {
      this.r32(i.base);
      any = true;
    }
    if (i.index !== NO_REGISTER) {
      this.r32(i.index);
      if (i.scale) c.i32(i.scale).op('i32shl');
      if (any) c.op('i32add');
      any = true;
    }
    if (!any) return c.i32(i.disp);
    if (i.disp) c.i32(i.disp).op('i32add');
    return c;
  }

  // ---- cells ----------------------------------------------------------------------------------------------------

  cell(index: number): Code {
    return this.c.i32(0).mem('i32load', this.layout.cellsAt + 4 * index);
  }

  /** Sets a cell to what `push` pushes. */
  setCell(index: number, push: (c: Code) => void): void {
    this.c.i32(0);
    push(this.c);
    this.c.mem('i32store', this.layout.cellsAt + 4 * index);
  }

  /** Pushes the ticks that are due with the running instruction: helpers charge them. */
  pushDue(): Code {
    return this.c.get(PENDING).i32(this.due).op('i32add');
  }

  /** Before a helper that may look at the counters. */
  showCounts(): void {
    this.c
      .i32(0)
      .get(COUNTS)
      .mem('i64store', this.layout.cellsAt + 4 * CELL.counts);
  }

  /** Behind a helper that may have charged what was due. */
  afterHelper(): void {
    this.cell(CELL.due).i32(this.due).op('i32sub').set(PENDING);
  }

  // ---- memory ---------------------------------------------------------------------------------------------------

  /**
   * Loads `size` bytes at the offset in local OFFSET through segment `s` into VALUE, zero-extended.
   */
  load(s: number, size: 1 | 2 | 4): void {
    const { c } = this;
    const slow = () => {
      this.showCounts();
      c.i32(s).get(OFFSET).i32(size);
      this.pushDue().i32(this.at).call(HELPERS.read).set(VALUE);
      this.afterHelper();
      this.cell(CELL.status);
      this.if(() => this.exitFault());
    };
    if (this.segments.readTop[s] < 0) return slow();
    this.block(() => {
      this.block(() => {
        this.front(s, size, false);
        this.touch();
        c.get(PA).mem(size === 4 ? 'i32load' : size === 2 ? 'i32load16_u' : 'i32load8_u', this.layout.ram);
        c.set(VALUE).br(1);
      });
      slow();
    });
  }

  /** Stores VALUE's low `size` bytes at OFFSET; `behind` does the rest of the instruction once the store is done. */
  store(s: number, size: 1 | 2 | 4, behind: () => void = () => {}, loaded = false): void {
    const { c } = this;
    const slow = () => {
      this.showCounts();
      c.i32(s).get(OFFSET).i32(size).get(VALUE);
      this.pushDue()
        .i32(loaded ? this.at | LOADED : this.at)
        .call(HELPERS.write);
      this.afterHelper();
      this.cell(CELL.status);
      this.if(() => {
        this.cell(CELL.status).i32(FAULT).op('i32and');
        this.if(() => this.exitFault());
        if (this.atEnd) return;
        behind();
        this.exitBehind();
      });
    };
    if (this.segments.writeTop[s] < 0) slow();
    else
      this.block(() => {
        this.block(() => {
          this.front(s, size, true);
          this.touchForStore();
          c.get(PA)
            .get(VALUE)
            .mem(size === 4 ? 'i32store' : size === 2 ? 'i32store16' : 'i32store8', this.layout.ram);
          c.br(1);
        });
        slow();
      });
    behind();
  }

  /** Raises the faults of a store that comes later, as Mmu.probeWrite does. */
  probe(s: number, size: 1 | 2 | 4): void {
    const { c } = this;
    const slow = () => {
      c.i32(s).get(OFFSET).i32(size);
      this.pushDue().i32(this.at).call(HELPERS.probe);
      this.afterHelper();
      this.cell(CELL.status);
      this.if(() => this.exitFault());
    };
    if (this.segments.writeTop[s] < 0) return slow();
    this.block(() => {
      this.block(() => {
        this.slot(s, size, true);
        c.br(1);
      });
      slow();
    });
  }

  /** Goes on if the page of OFFSET is in the front table, else out of the block around; sets PA and uses the entry. */
  private front(s: number, size: number, write: boolean): void {
    const { c } = this;
    this.slot(s, size, write);
    c.get(LIN).get(SLOT).mem('i32load', FRONT_DELTA).op('i32add').set(PA);
    this.use();
  }

  private slot(s: number, size: number, write: boolean): void {
    const { c } = this;
    const top = (write ? this.segments.writeTop : this.segments.readTop)[s];
    if (top < 0xffff_ffff)
      c.get(OFFSET)
        .i32((top - size + 1) | 0)
        .op('i32gt_u')
        .brIf(0);
    c.get(OFFSET);
    if (this.segments.base[s]) c.i32(this.segments.base[s]).op('i32add');
    c.tee(LIN).i32(12).op('i32shr_u').get(LIN).i32(22).op('i32shr_u', 'i32xor').i32(FRONT_MASK);
    c.op('i32and').i32(4).op('i32shl').get(BANK).op('i32add').tee(SLOT);
    c.mem('i32load', write ? FRONT_WRITE : 0);
    c.get(LIN).i32(-4096).op('i32and');
    this.cell(CELL.epoch).op('i32or', 'i32ne').brIf(0);
    if (size > 1) {
      const line = this.layout.timed ? 1 << this.layout.l1d.shift : 4096;
      c.get(LIN)
        .i32(line - 1)
        .op('i32and')
        .i32(line - size)
        .op('i32gt_u')
        .brIf(0);
    }
  }

  /** Renews the TLB entry of SLOT, as Mmu.use does. */
  private use(): void {
    const { c, layout } = this;
    c.get(SLOT).mem('i32load', FRONT_ENTRY).tee(ENTRY);
    this.cell(CELL.lastEntry).op('i32ne');
    this.if(() => {
      this.setCell(CELL.lastEntry, () => c.get(ENTRY));
      c.get(ENTRY).i32(0).op('i32ge_s');
      this.if(() => {
        if (layout.dtlb4m === null) return this.stamp(layout.dtlb);
        const second = layout.dtlb4m;
        c.get(ENTRY).i32(SECOND_TLB).op('i32lt_s');
        this.if(
          () => this.stamp(layout.dtlb),
          () => this.stamp({ stamp: second.stamp - 4 * SECOND_TLB, clock: second.clock }),
        );
      });
    });
  }

  private stamp(tlb: { stamp: number; clock: number }): void {
    const { c } = this;
    c.i32(0).i32(0).mem('i32load', tlb.clock).i32(1).op('i32add').tee(T).mem('i32store', tlb.clock);
    c.get(ENTRY).i32(2).op('i32shl').get(T).mem('i32store', tlb.stamp);
    c.get(T).i32(MAX_STAMP).op('i32eq');
    this.if(() => c.get(ENTRY).call(HELPERS.renumber));
  }

  /** A load from the L1D line of PA. */
  private touch(): void {
    const { c, layout } = this;
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1d;
    c.get(PA)
      .i32(shift)
      .op('i32shr_u')
      .tee(T)
      .i32(setMask)
      .op('i32and')
      .i32(4 * ways)
      .op('i32mul');
    c.mem('i32load', tags).i32(2).op('i32shr_s').get(T).op('i32ne');
    this.if(() => {
      c.get(PA);
      this.pushDue().call(HELPERS.load);
      this.afterHelper();
    });
  }

  /** A store to the L1D line of PA. */
  private touchForStore(): void {
    const { c, layout } = this;
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1d;
    const miss = () => {
      c.get(PA);
      this.pushDue().call(HELPERS.store);
      this.afterHelper();
    };
    c.get(PA).i32(shift).op('i32shr_u').tee(T);
    if (layout.writeBack) {
      c.i32(setMask)
        .op('i32and')
        .i32(4 * ways)
        .op('i32mul')
        .mem('i32load', tags);
      c.get(T).i32(2).op('i32shl').i32(1).op('i32or', 'i32ne');
      this.if(miss);
      return;
    }
    c.i32(0).mem('i32load', layout.lastStore).op('i32ne');
    this.if(() => {
      c.i32(0).get(T).mem('i32store', layout.lastStore);
      miss();
    });
  }

  // ---- flags ----------------------------------------------------------------------------------------------------

  /** Flags of A + B = RESULT, all three in their locals. */
  flagsOfAdd(): void {
    this.c.get(A).set(X).get(B).set(Y).i32(0).set(N).i32(CARRIES).set(M);
    this.flags = 'any';
  }

  /** Flags of A - B = RESULT. */
  flagsOfSub(): void {
    this.c.get(A).i32(-1).op('i32xor').set(X).get(B).set(Y).i32(-1).set(N).i32(CARRIES).set(M);
    this.flags = 'sub';
  }

  /** Flags of a byte subtraction whose operands stand in the top bytes of A and B; RESULT is set here. */
  flagsOfSub8(): void {
    const { c } = this;
    c.get(A).get(B).op('i32sub').tee(T).i32(24).op('i32shr_s').set(RESULT);
    this.flagsOfVector(() => {
      c.get(A).i32(-1).op('i32xor').get(B).op('i32and');
      c.get(A).i32(-1).op('i32xor').get(B).op('i32or').get(T).op('i32and', 'i32or').tee(X);
      c.i32(HIGH_CARRIES).op('i32and').get(X).i32(24).op('i32shr_u').i32(8).op('i32and', 'i32or');
    });
    this.flags = 'sub';
  }

  /** RESULT is set; no carries. */
  flagsOfLogic(): void {
    this.c.i32(0).set(X).i32(0).set(Y).i32(0).set(N).i32(-1).set(M);
    this.flags = 'logic';
  }

  /** RESULT is set; `push` pushes the carry vector. */
  flagsOfVector(push: () => void): void {
    push();
    this.c.tee(X).set(Y).i32(0).set(N).i32(-1).set(M);
    this.flags = 'any';
  }

  result(): Code {
    return this.c.get(RESULT);
  }

  setResult(): Code {
    return this.c.set(RESULT);
  }

  teeResult(): Code {
    return this.c.tee(RESULT);
  }

  /** Pushes the carry vector. */
  aux(): Code {
    const { c } = this;
    c.get(X).get(Y).op('i32and');
    c.get(X).get(Y).op('i32or').get(RESULT).get(N).op('i32xor').i32(-1).op('i32xor', 'i32and', 'i32or');
    return c.get(M).op('i32and');
  }

  /** Pushes CF as 0 or 1. */
  carry(): Code {
    if (this.flags === 'sub') return this.c.get(A).get(B).op('i32lt_u');
    if (this.flags === 'logic') return this.c.i32(0);
    return this.aux().i32(31).op('i32shr_u');
  }

  /** Pushes a condition (its number as in SDM vol. 2, B.1.4.7) as 0 or 1. */
  condition(cc: number): void {
    const { c } = this;
    const not = cc & 1;
    const pair = cc >> 1;
    if (this.flags === 'sub' && pair !== 5 && pair !== 0) {
      if (pair === 2)
        c.get(A)
          .get(B)
          .op(not ? 'i32ne' : 'i32eq');
      else if (pair === 4)
        c.get(RESULT)
          .i32(0)
          .op(not ? 'i32ge_s' : 'i32lt_s');
      else
        c.get(A)
          .get(B)
          .op(SUB_CONDITIONS[cc] ?? 'unreachable');
      return;
    }
    if (pair === 2) {
      c.get(RESULT);
      if (not) c.i32(0).op('i32ne');
      else c.op('i32eqz');
      return;
    }
    if (this.flags === 'logic' && pair !== 5) {
      // CF = OF = 0.
      if (pair === 0 || pair === 1) c.i32(not);
      else if (pair === 3) {
        c.get(RESULT).op('i32eqz');
        if (not) c.op('i32eqz');
      } else if (pair === 7)
        c.get(RESULT)
          .i32(0)
          .op(not ? 'i32gt_s' : 'i32le_s');
      else
        c.get(RESULT)
          .i32(0)
          .op(not ? 'i32ge_s' : 'i32lt_s');
      return;
    }
    this.aux().set(T);
    switch (pair) {
      case 0: // OF
        c.get(T).get(T).i32(1).op('i32shl', 'i32xor').i32(31).op('i32shr_u');
        break;
      case 1:
        c.get(T).i32(31).op('i32shr_u');
        break;
      case 3:
        c.get(T).i32(31).op('i32shr_u').get(RESULT).op('i32eqz', 'i32or');
        break;
      case 4:
        c.get(RESULT).i32(31).op('i32shr_u').get(T).i32(1).op('i32and', 'i32xor');
        break;
      case 5:
        c.get(RESULT).get(T).i32(8).op('i32shr_u', 'i32xor').i32(0xff).op('i32and', 'i32popcnt');
        c.i32(1).op('i32and', 'i32eqz');
        break;
      default: // SF ≠ OF
        c.get(RESULT).get(T).i32(31).op('i32shl', 'i32xor').get(T).op('i32xor');
        c.get(T).i32(1).op('i32shl', 'i32xor').i32(31).op('i32shr_u');
        if (pair === 7) c.get(RESULT).op('i32eqz', 'i32or');
    }
    if (not) c.op('i32eqz');
  }

  // ---- prologue, epilogue, other rows -----------------------------------------------------------------------------

  /** Registers and flags from the state into locals. */
  reload(): void {
    const { c, layout } = this;
    for (let n = 0; n < 8; n++)
      c.i32(0)
        .mem('i32load', layout.registers + 4 * n)
        .set(REGISTERS + n);
    c.i32(0)
      .mem('i32load', layout.registers + SLOT_RESULT)
      .set(RESULT);
    c.i32(0)
      .mem('i32load', layout.registers + SLOT_AUX)
      .tee(X)
      .set(Y)
      .i32(0)
      .set(N)
      .i32(-1)
      .set(M);
    this.flags = 'any';
  }

  spill(): void {
    const { c, layout } = this;
    for (let n = 0; n < 8; n++)
      c.i32(0)
        .get(REGISTERS + n)
        .mem('i32store', layout.registers + 4 * n);
    c.i32(0)
      .get(RESULT)
      .mem('i32store', layout.registers + SLOT_RESULT)
      .i32(0);
    this.aux().mem('i32store', layout.registers + SLOT_AUX);
  }

  /** The row's executor does the instruction. */
  execute(): void {
    const { c } = this;
    this.spill();
    this.showCounts();
    c.i32(this.at);
    this.pushDue().call(HELPERS.execute);
    this.afterHelper();
    this.reload();
    this.cell(CELL.status);
    this.if(() => {
      this.cell(CELL.status).i32(FAULT).op('i32and');
      this.if(() => this.exitFault());
      if (!this.atEnd) this.exitBehind();
    });
  }

  /** Pushes EIP as an executor left it. */
  stateEip(): Code {
    return this.c.i32(0).mem('i32load', this.layout.registers + SLOT_EIP);
  }

  begin(): void {
    this.reload();
    this.c.i32(0).set(PENDING).i32(0).set(FETCHES).i64(0n).set(COUNTS);
    this.cell(CELL.lastLine).set(LINE);
    this.cell(CELL.bank).i32(this.layout.front).op('i32add').set(BANK);
  }

  finish(): void {
    const { c, layout } = this;
    this.spill();
    c.i32(0)
      .get(EIP_LOCAL)
      .mem('i32store', layout.registers + SLOT_EIP);
    this.setCell(CELL.ticks, () => c.get(PENDING));
    this.setCell(CELL.fetches, () => c.get(FETCHES));
    this.setCell(CELL.lastLine, () => c.get(LINE));
    this.setCell(CELL.at, () => c.get(AT));
    this.showCounts();
    c.get(KIND);
  }

  func(name: string): Func {
    return {
      signature: { parameters: [I32], results: [I32] },
      locals: [...Array.from({ length: I32_LOCALS }, () => I32), I64],
      code: this.c,
      name,
    };
  }
}

/** In `at` of a store's helper: a load of the same instruction is done and counts, should the store fault. */
export const LOADED = 1 << 30;

/** Conditions of A compared with B, by number. */
const SUB_CONDITIONS: Readonly<
  Record<
    number,
    'i32lt_u' | 'i32ge_u' | 'i32le_u' | 'i32gt_u' | 'i32lt_s' | 'i32ge_s' | 'i32le_s' | 'i32gt_s'
  >
> = {
  2: 'i32lt_u',
  3: 'i32ge_u',
  6: 'i32le_u',
  7: 'i32gt_u',
  12: 'i32lt_s',
  13: 'i32ge_s',
  14: 'i32le_s',
  15: 'i32gt_s',
};
