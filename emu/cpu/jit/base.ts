/**
 * A unit's function being written: its structure and ways out, registers, addresses, and the cells that it shares with the
 * host. Emitter (emit.ts) is this, Flags and Accesses in one object, as the MMU is.
 */
import { type Insn, NO_REGISTER } from '../insn.ts';
import { CELL, EXIT_FAULT, EXIT_MIDDLE } from './cells.ts';
import type { Layout } from './layout.ts';
import { AT, KIND, REGISTERS, T } from './locals.ts';
import { Code } from './wasm.ts';

/** What is known of the flags while a block is translated. */
export type FlagState = 'any' | 'sub' | 'logic';

/** What the segments are, and Mmu.translation, for which a unit is compiled. */
export interface Segments {
  translation: number;
  base: readonly number[];
  /** Highest offset that a load or store may reach, or -1: always the helper. */
  readTop: readonly number[];
  writeTop: readonly number[];
  codeLimit: number;
}

export class Base {
  readonly c = new Code();
  readonly layout: Layout;
  readonly segments: Segments;
  flags: FlagState = 'any';
  /** Labels around the place that is written, within the two ways out. */
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

  /** An `if` that is hardly ever entered. */
  seldom(body: () => void): void {
    this.c.rarely();
    this.if(body);
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

  /** Leaves the unit in the middle of a block; EIP is set by the host. */
  private exit(kind: number, at: number): void {
    this.c
      .i32(kind)
      .set(KIND)
      .i32(at)
      .set(AT)
      .br(this.depth + 1);
  }

  exitFault(): void {
    this.exit(EXIT_FAULT, this.at);
  }

  /** Behind the running instruction, in the middle of its block. */
  exitBehind(): void {
    this.exit(EXIT_MIDDLE, this.at + 1);
  }

  /** At a border: EIP and LINE are in their locals. */
  exitBorder(): void {
    this.c.br(this.depth);
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

  /** The same for a word register. */
  setR16(index: number): void {
    const register = REGISTERS + (index >> 1);
    this.c.i32(0xffff).op('i32and').set(T);
    this.c.get(register).i32(~0xffff).op('i32and').get(T).op('i32or').set(register);
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
    return this.cell(CELL.ticks).i32(this.due).op('i32add');
  }

  /** Behind a helper that may have charged what was due. */
  afterHelper(): void {
    // Without a block's constants nothing makes up for what is taken off here.
    if (this.layout.omit.has('counts')) return;
    this.setCell(CELL.ticks, () => this.cell(CELL.due).i32(this.due).op('i32sub'));
  }
}
