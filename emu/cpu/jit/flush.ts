/**
 * MOV CR3 in compiled code that all units share: exec/system.ts, Cpu.setCr3 and Control.loadDirectory. The TLBs are flushed
 * in proportion to what they hold. Left to the executor: user code, whose fault it is, tools that look, watched code,
 * which may be another's behind it, and an epoch that has run out.
 */
import { CAUSE } from '../../accounting.ts';
import { CR3_KNOWN } from '../registers.ts';
import { ANY, CELL } from './cells.ts';
import type { Layout, TlbLayout } from './layout.ts';
import { TlbWriter } from './tlbs.ts';
import { type Func, I32 } from './wasm.ts';

const TLB_FLUSH = CAUSE.tlbFlush;
const CR3_AT = 15 * 4;
const LAST_EPOCH = 4095;
const NO_PAGE = 1;
const NO_ENTRY = -2;
/** CELL.bank has it for user code. */
const USER = 1024 << 4;

const VALUE = 0;
const REFUSE = 0;

export class Flush extends TlbWriter {
  private readonly bits = this.local();
  private readonly entry = this.local();
  private readonly entryAt = this.local();
  private readonly key = this.local();
  private readonly bucket = this.local();
  private readonly t = this.local();

  constructor(layout: Layout) {
    super(layout, 1);
  }

  /** (CR3): 1 if it is done, 0 if nothing has changed. */
  func(): Func {
    const { c, layout } = this;
    this.block(() => {
      this.cell(CELL.observed);
      this.leaveIf(REFUSE);
      this.cell(CELL.watched).i32(ANY).op('i32ne');
      this.leaveIf(REFUSE);
      this.cell(CELL.bank).i32(USER).op('i32and');
      this.leaveIf(REFUSE);
      this.cell(CELL.epoch).i32(LAST_EPOCH).op('i32eq');
      this.leaveIf(REFUSE);
      this.setWord(layout.registers + CR3_AT, () => c.get(VALUE).i32(CR3_KNOWN).op('i32and'));
      this.setWord(layout.steering, () => c.get(VALUE).i32(-4096).op('i32and'));
      for (const t of new Set([layout.itlb, layout.dtlb, layout.itlb4m, layout.dtlb4m])) this.flush(t);
      this.setCell(CELL.epoch, () => this.cell(CELL.epoch).i32(1).op('i32add'));
      this.setWord(layout.bigSlots, () => c.i32(0));
      this.setCell(CELL.lastEntry, () => c.i32(NO_ENTRY));
      this.clearFilter();
      this.setWord(layout.fetching, () => c.i32(NO_PAGE));
      this.stall(TLB_FLUSH, () => c.f64(layout.flushTicks));
      c.i32(1).op('return');
    });
    c.i32(0);
    return {
      signature: { parameters: [I32], results: [I32] },
      locals: this.types,
      code: c,
      name: 'directory',
    };
  }

  /** Tlb.flush. */
  private flush(t: TlbLayout): void {
    const { c } = this;
    for (let set = 0; set <= t.setMask; set++)
      for (let w = 0; w < t.setWords; w++) {
        const at = 4 * (set * t.setWords + w);
        this.word(t.local + at).tee(this.bits);
        this.if(() => {
          this.setWord(t.vacant + at, () =>
            this.word(t.vacant + at)
              .get(this.bits)
              .op('i32or'),
          );
          this.setWord(t.local + at, () => c.i32(0));
          this.loopOver(t, set * t.ways + 32 * w);
        });
      }
  }

  /** Releases the entries whose bits are set, `first` the lowest. */
  private loopOver(t: TlbLayout, first: number): void {
    const { c } = this;
    this.loop(level => {
      c.get(this.bits).op('i32ctz').i32(first).op('i32add').tee(this.entry);
      c.i32(2).op('i32shl').set(this.entryAt);
      this.dword(t.cell, this.entryAt).i32(t.stamps).op('i32sub').tee(this.t);
      c.i32(4 * t.entries).op('i32lt_u');
      this.if(
        () => this.setDword(t.twinLink, this.t, () => c.i32(-1)),
        () => {
          this.setDword(t.stamps, this.t, () => c.i32(0));
          this.setWord(t.unpaired, () => this.word(t.unpaired).i32(1).op('i32sub'));
        },
      );
      this.dword(t.key, this.entryAt).set(this.key);
      this.hash(this.key, this.bucket);
      this.leaveChain(t, this.bucket, this.entry, this.entryAt);
      this.setDword(t.key, this.entryAt, () => c.i32(-1));
      c.get(this.bits).get(this.bits).i32(1).op('i32sub', 'i32and').tee(this.bits);
      this.leaveIf(level);
    });
  }
}
