/**
 * A unit, blocks of one page that lead to each other, as one WebAssembly function: `run(block)` goes from block to block
 * until it leaves the unit, comes to a border behind which the clock or `leave` wants a head, faults, or finds its own
 * code changed. Cycles and counters of a block are added as its constants; the line that a block begins with is fetched
 * on the way to it, unless the one before ended in it.
 *
 * Jumps are breaks out of blocks and to the heads of loops (structure.ts); returns and indirect jumps find their block in
 * the table of targets.
 */
import type { Block } from '../blocks.ts';
import type { Insn } from '../insn.ts';
import { PRE_LINE, PRE_LINE2 } from '../insn.ts';
import { IF, PLACE } from '../registers.ts';
import type { Segments } from './base.ts';
import { CELL, GATES_HEARD, GATES_QUIET, TARGET, TARGET_SHIFT, TARGETS } from './cells.ts';
import { Emitter } from './emit.ts';
import { CALL, CALL_INDIRECT, FORMS, JCC, JMP, JMP_INDIRECT, RET } from './forms.ts';
import { HELPERS, IMPORTS } from './helpers.ts';
import type { Layout } from './layout.ts';
import { EIP_LOCAL, LINE, NEXT, OFFSET, PENDING, SLOT, T, VALUE } from './locals.ts';
import { moreOf } from './more.ts';
import { type Item, structure } from './structure.ts';
import { moduleBytes } from './wasm.ts';
import { CONTROL_READS, endingOf, wordsOf } from './words.ts';

const LOAD_DIRECTORY = 'MOV CR3, r32';
const SS = 2;
const ESP = 4;
/** Bits of a count in CELL.counts. */
export const COUNT_BITS = 21;

export interface Unit {
  id: number;
  blocks: readonly Block[];
  /** Numbers of the blocks with which others may go on; the first is what it is compiled for. */
  entries: readonly number[];
  /** Of each block: what was loaded and stored before each instruction, when all went well. */
  loads: readonly number[][];
  stores: readonly number[][];
}

/** The module of a unit, whose only export is `run`. */
export function translate(unit: Unit, layout: Layout, segments: Segments): Uint8Array<ArrayBuffer> {
  return moduleBytes(IMPORTS, [new Translation(unit, layout, segments).func()], false);
}

/** A label that is open: a break to it leads to these blocks. */
interface Scope {
  level: number;
  entries: readonly number[];
}

class Translation {
  private readonly unit: Unit;
  private readonly layout: Layout;
  private readonly e: Emitter;
  private readonly numberOf = new Map<number, number>();
  /** Innermost last; the first leads to all entries. */
  private readonly scopes: Scope[] = [];
  /** The block that is written. */
  private now = 0;

  constructor(unit: Unit, layout: Layout, segments: Segments) {
    this.unit = unit;
    this.layout = layout;
    this.e = new Emitter(layout, segments);
    for (const [n, b] of unit.blocks.entries()) this.numberOf.set(b.eip, n);
  }

  func() {
    const { e, unit } = this;
    const { c } = e;
    e.begin(unit.id);
    c.block().block(); // the two ways out
    const onward = unit.blocks.map(b =>
      targets(b, e.segments)
        .map(eip => this.numberOf.get(eip) ?? -1)
        .filter(n => n >= 0),
    );
    const items = structure(unit.blocks.length, n => onward[n], new Set(unit.entries));
    this.loop(items, unit.entries, true);
    c.op('unreachable', 'end');
    e.finish();
    return e.func('run');
  }

  // ---- structure --------------------------------------------------------------------------------------------------

  private item(item: Item): void {
    if (item.node >= 0) this.block(item.node);
    else this.loop(item.body, item.entries, item.entries.length > 1);
  }

  private loop(body: readonly Item[], entries: readonly number[], dispatches: boolean): void {
    const { e } = this;
    this.scopes.push({ level: e.depth, entries });
    e.c.loop();
    e.depth++;
    this.sequence(body, dispatches);
    e.depth--;
    e.c.op('end');
    this.scopes.pop();
  }

  /** Items one behind the other; NEXT says with which to begin, or it is the first. */
  private sequence(items: readonly Item[], dispatches: boolean): void {
    const { e, scopes } = this;
    const { c } = e;
    const labelled = dispatches ? items : items.slice(1);
    for (const item of [...labelled].reverse()) {
      scopes.push({ level: e.depth, entries: item.entries });
      c.block();
      e.depth++;
    }
    if (dispatches) {
      const place = this.unit.blocks.map((_, n) =>
        Math.max(
          0,
          labelled.findIndex(i => i.entries.includes(n)),
        ),
      );
      c.get(NEXT).brTable(place, 0);
    } else this.item(items[0]);
    for (const item of labelled) {
      scopes.pop();
      e.depth--;
      c.op('end');
      this.item(item);
    }
  }

  /** A break to block `n`, to which the way is open. */
  private breakTo(n: number): void {
    const { e, scopes } = this;
    let at = scopes.length - 1;
    while (!scopes[at].entries.includes(n)) at--;
    const { level, entries } = scopes[at];
    if (entries.length > 1 || at === 0) e.c.i32(n).set(NEXT);
    e.c.br(e.depth - level - 1);
  }

  /** A break to the block whose number is in NEXT, an entry. */
  private breakToNext(): void {
    this.e.c.br(this.e.depth - 1);
  }

  private block(n: number): void {
    const { e } = this;
    const b = this.unit.blocks[n];
    this.now = n;
    e.flags = 'any';
    e.atEnd = false;
    const last = b.insns.length - 1;
    for (let k = 0; k < last; k++) this.plain(b, k);
    this.last(b, last);
  }

  // ---- instructions -----------------------------------------------------------------------------------------------

  private place(b: Block, k: number): Insn {
    this.e.at = (this.now << 8) | k;
    this.e.due = b.ticks[k + 1];
    const i = b.insns[k];
    this.fetches(b, i);
    return i;
  }

  private plain(b: Block, k: number): void {
    const i = this.place(b, k);
    const form = FORMS[i.form] ?? moreOf(i) ?? wordsOf(i)?.emit;
    if (form) form(this.e, i);
    else this.e.execute();
  }

  private last(b: Block, k: number): void {
    const { e } = this;
    const { c } = e;
    const i = this.place(b, k);
    e.atEnd = true;
    const kind = i.form;
    if (kind >= JCC) return this.conditional(b, i);
    switch (kind) {
      case CALL:
        if (i.imm >>> 0 > e.segments.codeLimit) break;
        c.i32(i.next).set(VALUE);
        this.push();
        this.pushReturn(i.next);
        return this.direct(b, i.imm);
      case JMP:
        if (i.imm >>> 0 > e.segments.codeLimit) break;
        return this.direct(b, i.imm);
      case JMP_INDIRECT:
        this.target(i);
        this.checkTarget();
        this.predictTarget(i);
        return this.indirect(b);
      case CALL_INDIRECT:
        if (e.segments.codeLimit !== 0xffff_ffff) break;
        this.target(i);
        c.i32(i.next).set(VALUE);
        // A load that was made counts, should the push fault.
        this.push(!i.isReg);
        this.predictTarget(i);
        this.pushReturn(i.next);
        return this.indirect(b);
      case RET:
        e.r32(ESP).set(OFFSET);
        e.load(SS, 4);
        c.get(VALUE).set(EIP_LOCAL);
        this.checkTarget();
        e.r32(ESP).i32(4).op('i32add');
        e.setR32(ESP);
        this.popReturn();
        return this.indirect(b);
      default: {
        this.gate(b, i);
        if (endingOf(i)) return this.ending(b, i);
        const form = FORMS[kind] ?? (b.ends ? undefined : (moreOf(i) ?? wordsOf(i)?.emit));
        if (form) {
          form(e, i);
          return this.direct(b, b.end);
        }
      }
    }
    if (i.row.form === LOAD_DIRECTORY) this.loadDirectory(b, i);
    if (!e.rep(i)) e.execute();
    if (!b.ends) return this.direct(b, b.end);
    this.leaveBehind(b);
  }

  /** INT n and IRET by the shared code (gates.ts); goes on where that leaves it to the executor. */
  private gate(b: Block, i: Insn): void {
    const { e } = this;
    const { c } = e;
    const { form } = i.row;
    const returns = form === 'IRET' && i.o32;
    if (!returns && form !== 'INT imm8') return;
    e.spill();
    e.pushDue();
    if (returns) c.call(HELPERS.iret);
    else
      c.i32(i.imm & 0xff)
        .i32(i.next)
        .call(HELPERS.interrupt);
    e.if(() => {
      e.afterHelper();
      this.totals(b);
      e.exitHead(b.lastLine);
    });
  }

  /**
   * CLI, STI and POPF, which change IF, and reads of control registers: on to the next instruction, unless a head has more
   * to do than to look.
   */
  private ending(b: Block, i: Insn): void {
    const { e } = this;
    const { c } = e;
    if (i.row.form === 'POPF') {
      e.r32(ESP).set(OFFSET);
      e.load(SS, 4);
      e.r32(ESP).i32(4).op('i32add');
      e.setR32(ESP);
      c.get(VALUE).call(HELPERS.popf);
      e.reloadFlags();
      return this.direct(b, b.end);
    }
    const control = CONTROL_READS.indexOf(i.row.form);
    // What privilege forbids, and what opens interrupts, the executor does.
    if (control >= 0) e.c.i32(0);
    else e.state(PLACE.eflags).i32(12).op('i32shr_u').i32(3).op('i32and');
    e.state(PLACE.cpl).op('i32lt_u');
    if (i.row.form === 'STI') {
      e.state(PLACE.eflags).i32(IF).op('i32and', 'i32eqz', 'i32or');
      e.cell(CELL.gates).i32(~GATES_HEARD).op('i32and').i32(GATES_QUIET).op('i32ne', 'i32or');
    }
    e.if(() => {
      e.execute();
      this.leaveBehind(b);
    });
    if (control >= 0) {
      e.state(PLACE.cr0 + control);
      e.setR32(i.size === 4 ? i.rm : i.rm >> 1);
    }
    if (i.row.form === 'CLI') {
      c.i32(0);
      e.state(PLACE.eflags).i32(~IF).op('i32and');
      e.setState(PLACE.eflags);
    }
    this.direct(b, b.end);
  }

  /** MOV CR3: the shared code does it and looks up the page that comes next, or the executor has to. */
  private loadDirectory(b: Block, i: Insn): void {
    const { e } = this;
    e.r32(i.size === 4 ? i.rm : i.rm >> 1);
    e.c.call(HELPERS.directory);
    e.if(() => {
      e.c.i32(b.end).set(EIP_LOCAL);
      this.border(b);
      this.exitBorder(b);
    });
  }

  /** An executor has set EIP. */
  private leaveBehind(b: Block): void {
    this.e.stateEip().set(EIP_LOCAL);
    this.border(b);
    this.exitBorder(b);
  }

  /** CALL's push of VALUE. */
  private push(loaded = false): void {
    const { e } = this;
    const behind = () => {
      e.c.get(OFFSET);
      e.setR32(ESP);
    };
    e.r32(ESP).i32(4).op('i32sub').set(OFFSET);
    e.store(SS, 4, behind, loaded);
  }

  /** The target of an indirect jump or call, into EIP_LOCAL. */
  private target(i: Insn): void {
    const { e } = this;
    if (i.isReg) e.r32(i.rm);
    else {
      e.ea(i).set(OFFSET);
      e.load(i.seg, 4);
      e.c.get(VALUE);
    }
    e.c.set(EIP_LOCAL);
  }

  /** EIP_LOCAL is where an indirect jump or call goes. */
  private predictTarget(i: Insn): void {
    const { e, layout } = this;
    if (layout.omit.has('predictor')) return;
    const { c } = e;
    const slot = layout.targetsOfBranches + 4 * ((i.eip ^ (i.eip >>> 12)) & layout.targetMask);
    c.i32(0).mem('i32load', slot).get(EIP_LOCAL).op('i32ne');
    e.if(() => {
      c.i32(0).get(EIP_LOCAL).mem('i32store', slot);
      this.mispredicted();
    });
  }

  private checkTarget(): void {
    const { e } = this;
    if (e.segments.codeLimit === 0xffff_ffff) return;
    e.c
      .get(EIP_LOCAL)
      .i32(e.segments.codeLimit | 0)
      .op('i32gt_u');
    e.if(() => {
      e.c.i32(e.at);
      e.pushDue().call(HELPERS.general);
      e.afterHelper();
      e.exitFault();
    });
  }

  // ---- the predictor ------------------------------------------------------------------------------------------------

  private pushReturn(next: number): void {
    const { c } = this.e;
    const { returnTop, returnMask, returns, omit } = this.layout;
    if (omit.has('predictor')) return;
    c.i32(0).i32(0).mem('i32load', returnTop).i32(1).op('i32add').i32(returnMask).op('i32and').tee(T);
    c.mem('i32store', returnTop);
    c.get(T).i32(2).op('i32shl').i32(next).mem('i32store', returns);
  }

  /** EIP_LOCAL is where RET went. */
  private popReturn(): void {
    const { e } = this;
    const { c } = e;
    const { returnTop, returnMask, returns, omit } = this.layout;
    if (omit.has('predictor')) return;
    c.i32(0).mem('i32load', returnTop).tee(T).i32(2).op('i32shl').mem('i32load', returns).set(VALUE);
    c.i32(0).get(T).i32(1).op('i32sub').i32(returnMask).op('i32and').mem('i32store', returnTop);
    c.get(VALUE).get(EIP_LOCAL).op('i32ne');
    e.seldom(() => this.mispredicted());
  }

  private mispredicted(): void {
    const { e } = this;
    const ticks = this.layout.mispredictTicks;
    e.setCell(CELL.mispredicts, () => e.cell(CELL.mispredicts).i32(1).op('i32add'));
    if (ticks === 0) return;
    e.setCell(CELL.mispredictTicks, () => e.cell(CELL.mispredictTicks).i32(ticks).op('i32add'));
    e.setCell(CELL.limit, () => e.cell(CELL.limit).i32(ticks).op('i32sub'));
  }

  private conditional(b: Block, i: Insn): void {
    const { e } = this;
    if (i.imm >>> 0 > e.segments.codeLimit) {
      e.execute();
      return this.leaveBehind(b);
    }
    const counter = this.layout.counters + ((i.eip ^ (i.eip >>> 12)) & this.layout.counterMask);
    e.condition(i.form - JCC);
    this.totals(b);
    e.if(() => {
      this.predictor(counter, 3);
      this.go(b, i.imm);
    });
    this.predictor(counter, 0);
    this.go(b, i.next);
  }

  /** A branch has gone the way that the counter says when it is `sure`; else it comes nearer. */
  private predictor(counter: number, sure: 0 | 3): void {
    const { e } = this;
    const { c } = e;
    if (this.layout.omit.has('predictor')) return;
    c.i32(0).mem('i32load8_u', counter);
    if (sure) c.i32(sure).op('i32ne');
    e.seldom(() => {
      c.i32(0)
        .i32(0)
        .mem('i32load8_u', counter)
        .tee(T)
        .i32(sure ? 1 : -1)
        .op('i32add')
        .mem('i32store8', counter);
      c.get(T)
        .i32(2)
        .op(sure ? 'i32lt_u' : 'i32ge_u');
      e.seldom(() => this.mispredicted());
    });
  }

  // ---- borders --------------------------------------------------------------------------------------------------------

  /** The constants of a block that has run to its end. */
  private totals(b: Block): void {
    const { c } = this.e;
    if (this.layout.omit.has('counts')) return;
    const n = b.insns.length;
    const loads = this.unit.loads[this.now][n];
    const stores = this.unit.stores[this.now][n];
    const counts =
      BigInt(n) + (BigInt(loads) << BigInt(COUNT_BITS)) + (BigInt(stores) << BigInt(2 * COUNT_BITS));
    this.e.setCell(CELL.ticks, () => this.e.cell(CELL.ticks).i32(b.total).op('i32add').tee(PENDING));
    const at = this.layout.cellsAt + 4 * CELL.counts;
    c.i32(0).i32(0).mem('i64load', at).i64(counts).op('i64add').mem('i64store', at);
  }

  /** The block has run to its end. */
  private border(b: Block): void {
    this.totals(b);
    this.e.flags = 'any';
  }

  private exitBorder(b: Block): void {
    this.e.c.i32(b.lastLine).set(LINE);
    this.e.exitBorder();
  }

  /** Leaves the unit if a head has work to do; `push` pushes EIP. */
  private checkClock(b: Block, push: () => void): void {
    const { e } = this;
    if (this.layout.omit.has('clock')) return;
    e.c.get(PENDING);
    e.cell(CELL.limit).op('i32ge_s');
    e.seldom(() => {
      push();
      e.c.set(EIP_LOCAL);
      this.exitBorder(b);
    });
  }

  private direct(b: Block, eip: number): void {
    this.border(b);
    this.go(b, eip);
  }

  /** From the end of `b` to the block at `eip`. */
  private go(b: Block, eip: number): void {
    const { e } = this;
    const { c } = e;
    const next = this.numberOf.get(eip);
    if (next === undefined) {
      c.i32(eip).set(EIP_LOCAL);
      return this.exitBorder(b);
    }
    this.checkClock(b, () => void c.i32(eip));
    const to = this.unit.blocks[next];
    if (to.firstLine !== b.lastLine) {
      e.due = to.ticks[1];
      this.fetch(to.pa);
    }
    this.breakTo(next);
  }

  /** To the block at EIP_LOCAL, if the unit has it. */
  private indirect(b: Block): void {
    const { e } = this;
    const { c } = e;
    this.border(b);
    c.get(EIP_LOCAL)
      .get(EIP_LOCAL)
      .i32(12)
      .op('i32shr_u', 'i32xor')
      .i32(TARGETS - 1)
      .op('i32and')
      .i32(TARGET_SHIFT);
    c.op('i32shl').tee(SLOT).mem('i32load', this.targetAt(TARGET.eip)).get(EIP_LOCAL).op('i32eq');
    e.if(() => {
      c.get(SLOT).mem('i32load', this.targetAt(TARGET.unit)).i32(this.unit.id).op('i32eq');
      e.if(() => {
        this.checkClock(b, () => void c.get(EIP_LOCAL));
        c.get(SLOT).mem('i32load', this.targetAt(TARGET.block)).set(NEXT);
        this.fetchElsewhere(b);
        this.breakToNext();
      });
    });
    this.exitBorder(b);
  }

  /** Where a dword of a target is, from SLOT. */
  private targetAt(dword: number): number {
    return this.layout.targetsAt + 4 * dword;
  }

  // ---- fetching ---------------------------------------------------------------------------------------------------------

  /** The lines that the engine fetches before an instruction (Insn.pre). */
  private fetches(b: Block, i: Insn): void {
    const pa = b.pa + ((i.eip - b.eip) | 0);
    if (i.pre & PRE_LINE) this.fetch(pa);
    if (i.pre & PRE_LINE2) this.fetch(pa + i.length - 1);
  }

  private countFetch(): void {
    this.e.setCell(CELL.fetches, () => this.e.cell(CELL.fetches).i32(1).op('i32add'));
  }

  private fetch(pa: number): void {
    const { e, layout } = this;
    const { c } = e;
    if (layout.omit.has('fetch')) return;
    this.countFetch();
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1i;
    const line = pa >>> shift;
    c.i32(0)
      .mem('i32load', tags + 4 * (line & setMask) * ways)
      .i32(line << 2)
      .op('i32ne');
    e.seldom(() => {
      c.i32(pa);
      e.pushDue().call(HELPERS.fetch);
      e.afterHelper();
    });
  }

  /** Fetches where the target in SLOT begins, unless `b` ended in its line. */
  private fetchElsewhere(b: Block): void {
    const { e, layout } = this;
    if (layout.omit.has('fetch')) return;
    e.c.get(SLOT).mem('i32load', this.targetAt(TARGET.pa)).tee(T);
    e.c
      .i32(layout.timed ? layout.l1i.shift : 12)
      .op('i32shr_u')
      .i32(b.lastLine)
      .op('i32ne');
    e.if(() => this.fetchTarget());
  }

  /** The first line of the target in SLOT, whose physical address is in T. */
  private fetchTarget(): void {
    const { e, layout } = this;
    const { c } = e;
    this.countFetch();
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1i;
    c.get(T).i32(shift).op('i32shr_u').tee(VALUE).i32(setMask).op('i32and');
    c.i32(4 * ways)
      .op('i32mul')
      .mem('i32load', tags)
      .get(VALUE)
      .i32(2)
      .op('i32shl', 'i32ne');
    e.if(() => {
      const first = () => c.get(SLOT).mem('i32load', this.targetAt(TARGET.first));
      c.get(T).get(PENDING);
      first().op('i32add').call(HELPERS.fetch);
      e.setCell(CELL.ticks, () => {
        e.cell(CELL.due);
        first().op('i32sub');
      });
    });
  }
}

/** Where a block leads to within its unit, if that has it. */
function targets(b: Block, segments: Segments): number[] {
  const last = b.insns[b.insns.length - 1];
  const reachable = last.imm >>> 0 <= segments.codeLimit;
  if (last.form >= JCC) return reachable ? [last.next, last.imm] : [];
  if (last.form === CALL || last.form === JMP) return reachable ? [last.imm] : [];
  return b.ends && !endingOf(last) ? [] : [b.end];
}
