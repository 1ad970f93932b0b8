/**
 * From unit to unit: at a border, compiled code that all units share looks whether another has the block at EIP, for the
 * page, segments and privilege of the moment, and goes on with it by a tail call. What Engine.runBlocks does between two
 * blocks, when no head has work to do.
 */

import { FRONT } from '../../mmu/control.ts';
import { CODE_FRONT } from '../../mmu/walker.ts';
import { RF } from '../registers.ts';
import {
  ANY,
  CELL,
  EXIT_BEGUN,
  EXIT_BORDER,
  EXIT_HEAD,
  REFETCH,
  TARGET,
  TARGET_SHIFT,
  TARGETS,
} from './cells.ts';
import { HELPERS } from './helpers.ts';
import type { Layout } from './layout.ts';
import { RUN_TYPE } from './module.ts';
import {
  EFLAGS_AT,
  EIP_AT,
  FETCH_DELTA,
  FETCH_PAGE,
  FETCH_UNCACHED,
  FETCH_USER,
  FRONT_DELTA,
  FRONT_STAMP,
} from './places.ts';
import { WALK_CODE } from './shared.ts';
import { type Code, type Func, I32 } from './wasm.ts';
import { Writer } from './writer.ts';

/** Base of CS among the registers (registers.ts, SEGMENTS). */
const CS_BASE_AT = (32 + 1 * 4 + 1) * 4;
const PAGE = 12;
const MAX_STAMP = 0x7fff_ffff;

const EIP = 0;
const SLOT = 1;
const T = 2;
const TICKS = 3;
const LIN = 4;
const AT = 5;
const CELL_AT = 6;
const STAMP = 7;
const WALKED = 8;
const LOCALS = [I32, I32, I32, I32, I32, I32, I32, I32, I32];

export class Dispatch extends Writer {
  private readonly behindHead: boolean;

  /** `behindHead`: what came before leads to a head, where nothing waits but perhaps the clock. */
  constructor(layout: Layout, behindHead: boolean) {
    super(layout);
    this.behindHead = behindHead;
  }

  func(): Func {
    const { c, layout, behindHead } = this;
    c.block();
    this.clock();
    if (behindHead) this.clearResume();
    c.i32(0)
      .mem('i32load', layout.registers + EIP_AT)
      .tee(EIP)
      .get(EIP)
      .i32(12)
      .op('i32shr_u', 'i32xor');
    c.i32(TARGETS - 1)
      .op('i32and')
      .i32(TARGET_SHIFT)
      .op('i32shl')
      .set(SLOT);
    this.target(TARGET.eip).get(EIP).op('i32ne').brIf(0);
    this.target(TARGET.shape);
    this.cell(CELL.shape).op('i32ne').brIf(0);
    this.page();
    this.watched();
    this.region();
    this.firstLine();
    this.target(TARGET.block);
    this.target(TARGET.unit);
    c.returnCallIndirect(RUN_TYPE).op('end');
    c.i32(EXIT_BEGUN)
      .i32(behindHead ? EXIT_HEAD : EXIT_BORDER)
      .get(WALKED)
      .op('select');
    const name = behindHead ? 'head' : 'dispatch';
    return { signature: { parameters: [], results: [I32] }, locals: LOCALS, code: c, name };
  }

  /** As the engine does before each run of blocks. */
  private clearResume(): void {
    const flags = this.layout.registers + EFLAGS_AT;
    this.c.i32(0).i32(0).mem('i32load', flags).i32(~RF).op('i32and').mem('i32store', flags);
  }

  private target(dword: number) {
    return this.c.get(SLOT).mem('i32load', this.layout.targetsAt + 4 * dword);
  }

  /** A head has work to do: out of the block around. */
  private clock(): void {
    const { c } = this;
    this.cell(CELL.limit).i32(REFETCH).op('i32eq').if();
    this.limit();
    c.op('end');
    this.cell(CELL.ticks).tee(TICKS);
    this.cell(CELL.limit).op('i32ge_s').brIf(0);
  }

  /**
   * Walker.translateFetch: the code TLB's front table, or a walk (walks.ts). What that leaves to the one model is the
   * host's, and so is a block elsewhere in memory.
   */
  private page(): void {
    const { c, layout } = this;
    const fetching = (place: number) => layout.fetching + place;
    c.get(EIP)
      .i32(0)
      .mem('i32load', layout.registers + CS_BASE_AT)
      .op('i32add')
      .tee(LIN);
    c.i32(-1 << PAGE)
      .op('i32and')
      .tee(T);
    c.i32(0).mem('i32load', fetching(FETCH_PAGE)).op('i32ne');
    this.user();
    c.i32(0).mem('i32load', fetching(FETCH_USER)).op('i32ne', 'i32or').if();
    // The slot, in bytes.
    c.get(LIN)
      .i32(PAGE)
      .op('i32shr_u')
      .get(LIN)
      .i32(PAGE + 6)
      .op('i32shr_u', 'i32xor');
    c.i32(CODE_FRONT - 1).op('i32and');
    this.user().i32(0).op('i32ne').i32(6).op('i32shl', 'i32or').i32(4).op('i32shl').set(AT);
    c.get(AT).mem('i32load', layout.codeFront).get(T);
    this.cell(CELL.epoch).op('i32or', 'i32ne').if();
    c.get(LIN).i32(0).get(TICKS).call(WALK_CODE).tee(WALKED).op('i32eqz').brIf(2);
    c.op('else');
    c.get(AT)
      .mem('i32load', layout.codeFront + FRONT_STAMP)
      .set(CELL_AT);
    c.i32(0).i32(0).mem('i32load', layout.codeClock).i32(1).op('i32add').tee(STAMP);
    c.i32(MAX_STAMP).op('i32eq').brIf(2);
    c.get(STAMP).mem('i32store', layout.codeClock);
    c.get(CELL_AT).get(STAMP).mem('i32store', 0);
    c.i32(0).get(T).mem('i32store', fetching(FETCH_PAGE));
    c.i32(0);
    this.user().mem('i32store', fetching(FETCH_USER));
    c.i32(0)
      .get(AT)
      .mem('i32load', layout.codeFront + FRONT_DELTA)
      .mem('i32store', fetching(FETCH_DELTA));
    c.i32(0).i32(0).mem('i32store', fetching(FETCH_UNCACHED));
    c.op('end', 'end');
    c.get(LIN).i32(0).mem('i32load', fetching(FETCH_DELTA)).op('i32add');
    this.target(TARGET.pa).op('i32ne').brIf(0);
  }

  /** Walker.user: 0 for supervisor code. */
  private user(): Code {
    return this.cell(CELL.bank).i32(4).op('i32shr_u').i32(FRONT).op('i32and');
  }

  private watched(): void {
    const { c } = this;
    c.block();
    this.cell(CELL.watched).i32(ANY).op('i32eq').brIf(0);
    this.target(TARGET.watched).i32(ANY).op('i32eq').brIf(0);
    this.target(TARGET.watched);
    this.cell(CELL.watched).op('i32ne').brIf(1).op('end');
  }

  /** What is due is the old region's. */
  private region(): void {
    const { c } = this;
    this.target(TARGET.row).tee(T).i32(0).op('i32ge_s').if();
    c.get(T);
    this.cell(CELL.row).op('i32ne').if();
    this.sync(TICKS, T);
    this.setCell(CELL.ticks, () => c.i32(0));
    this.setCell(CELL.row, () => this.target(TARGET.row));
    this.limit();
    c.op('end', 'end');
  }

  private firstLine(): void {
    const { c, layout } = this;
    const { tags, shift, setMask, ways } = layout.l1i;
    this.target(TARGET.pa)
      .i32(layout.timed ? shift : PAGE)
      .op('i32shr_u')
      .tee(T);
    this.cell(CELL.lastLine).op('i32ne').if();
    this.count(CELL.fetches);
    if (layout.timed) {
      c.get(T).i32(setMask).op('i32and');
      c.i32(4 * ways)
        .op('i32mul')
        .mem('i32load', tags);
      c.get(T).i32(2).op('i32shl', 'i32ne').if();
      this.target(TARGET.pa).get(TICKS);
      this.target(TARGET.first).op('i32add').call(HELPERS.fetch);
      this.setCell(CELL.ticks, () => {
        this.cell(CELL.due);
        this.target(TARGET.first).op('i32sub');
      });
      c.op('end');
    }
    c.op('end');
  }
}
