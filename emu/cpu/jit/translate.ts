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
import { IF, PLACE } from '../registers.ts';
import type { Segments } from './base.ts';
import type { Unit } from './borders.ts';
import { Branches } from './branches.ts';
import { CELL, GATES_HEARD, GATES_QUIET } from './cells.ts';
import { CALL, CALL_INDIRECT, FORMS, JCC, JMP, JMP_INDIRECT, RET } from './forms.ts';
import { HELPERS, IMPORTS } from './helpers.ts';
import type { Layout } from './layout.ts';
import { EIP_LOCAL, NEXT, OFFSET, VALUE } from './locals.ts';
import { moduleBytes } from './module.ts';
import { moreOf } from './more.ts';
import { type Item, structure } from './structure.ts';
import { CONTROL_READS, endingOf, wordsOf } from './words.ts';

const LOAD_DIRECTORY = 'MOV CR3, r32';
const SS = 2;
const ESP = 4;
/** The module of a unit, whose only export is `run`. */
export function translate(unit: Unit, layout: Layout, segments: Segments): Uint8Array<ArrayBuffer> {
  return moduleBytes(IMPORTS, [new Translation(unit, layout, segments).func()], false);
}

class Translation extends Branches {
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
}

/** Where a block leads to within its unit, if that has it. */
function targets(b: Block, segments: Segments): number[] {
  const last = b.insns[b.insns.length - 1];
  const reachable = last.imm >>> 0 <= segments.codeLimit;
  if (last.form >= JCC) return reachable ? [last.next, last.imm] : [];
  if (last.form === CALL || last.form === JMP) return reachable ? [last.imm] : [];
  return b.ends && !endingOf(last) ? [] : [b.end];
}
