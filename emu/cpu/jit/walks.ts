/**
 * Translation in compiled code that all units share: what Walker.lookup does for an access whose page is not in the front
 * table. Either the TLB has it, or page directory and table are read through the caches, and the TLB and its twin take the
 * translation in; then the front table's slot is filled.
 *
 * It looks first, changing nothing, and leaves to the one model: faults, accessed and dirty bits that are clear, pages that
 * are not plain cached RAM, entries that the twin has lost, large pages that have to give way, and tools that look.
 */
import { CAUSE } from '../../accounting.ts';
import { PAGE_HOLE, PAGE_READ } from '../../mmu/attributes.ts';
import {
  BIG,
  GLOBAL_TAG,
  KNOWN,
  KNOWN_SHIFT,
  MAX_STAMP,
  MISSES,
  SWITCH_MISSES,
  TLB_D,
  TLB_G,
  TLB_HIGH,
  TLB_PAT,
  TLB_PCD,
  TLB_PWT,
  TLB_U,
  TLB_W,
} from '../../mmu/tlb.ts';
import {
  BIG_PAT,
  BIG_RESERVED,
  LOW_PAGES,
  MODE_BIG,
  MODE_GLOBAL,
  MODE_PAGING,
  MODE_PROTECT,
  PTE_A,
  PTE_P,
  PTE_PS,
  STEER,
} from '../../mmu/walker.ts';
import { CELL } from './cells.ts';
import { DUE, FrontWriter, LIN, SMALL_SHIFT, USER, WRITE } from './fronts.ts';
import type { Layout, TlbLayout } from './layout.ts';
import { SWITCH_LINE, WALK_LINE } from './shared.ts';
import { twinChains } from './tlbs.ts';
import { type Code, type Func, I32, I64 } from './wasm.ts';

const WALK = CAUSE.walk;
const WALK_SWITCH = CAUSE.walkSwitch;

/** With one of these a page may bypass the caches. */
const SPECIAL = TLB_PWT | TLB_PCD | TLB_PAT;
const BIG_SHIFT = 22;
/** One walk gives fewer stamps than are left from here on. */
const LAST_STAMP = MAX_STAMP - 4;

// Levels of the blocks to leave for: the one model's; the TLB has the page.
const REFUSE = 0;
const FOUND = 1;

/** A function (lin, write, due): 1 if it is done, 0 if nothing has changed. */
export class Walk extends FrontWriter {
  private readonly small: TlbLayout;
  private readonly big: TlbLayout;
  private readonly clock: number;
  private readonly bucket = this.local();
  private readonly entry = this.local();
  private readonly entryAt = this.local();
  private readonly need = this.local();
  private readonly flags = this.local();
  private readonly frame = this.local();
  private readonly pdeAt = this.local();
  private readonly pteAt = this.local();
  private readonly pde = this.local();
  private readonly twin = this.local();
  private readonly twinAt = this.local();
  private readonly old = this.local();
  private readonly oldAt = this.local();
  private readonly cause = this.local();
  private readonly set_ = this.local();
  private readonly evicts = this.local();
  private readonly pte = this.local();
  private readonly wide = this.local(I64);

  /** `data`: for the data TLBs, else the code TLBs. */
  constructor(layout: Layout, data: boolean) {
    super(layout, data);
    this.small = data ? layout.dtlb : layout.itlb;
    this.big = data ? layout.dtlb4m : layout.itlb4m;
    this.clock = data ? layout.dataClock : layout.codeClock;
  }

  func(): Func {
    const { c } = this;
    this.block(() => {
      this.begin();
      this.block(() => {
        this.setKey(SMALL_SHIFT);
        this.again(this.small);
        this.look(this.small, SMALL_SHIFT);
        this.setKey(BIG_SHIFT);
        this.look(this.big, BIG_SHIFT);
        this.walk();
      });
      if (this.data) this.fillFront();
      else this.fillCode();
      c.i32(1).op('return');
    });
    c.i32(0);
    return { signature: { parameters: [I32, I32, I32], results: [I32] }, locals: this.types, code: c };
  }

  // ---- what is asked ----------------------------------------------------------------------------------------------

  private begin(): void {
    const { c } = this;
    this.cell(CELL.observed);
    this.leaveIf(REFUSE);
    this.steer(STEER.mode).tee(this.t).i32(MODE_PAGING).op('i32and', 'i32eqz');
    this.leaveIf(REFUSE);
    this.word(this.clock).i32(LAST_STAMP).op('i32gt_u');
    this.leaveIf(REFUSE);
    // What it takes: U for user accesses; W for stores of those, and of the supervisor's if CR0.WP is set; D for stores.
    this.cell(CELL.bank).i32(USER).op('i32and').tee(this.u).i32(SMALL_SHIFT).op('i32shr_u');
    if (this.data) {
      c.get(this.u)
        .i32(SMALL_SHIFT + 1)
        .op('i32shr_u');
      c.get(this.t).i32(MODE_PROTECT).op('i32and').i32(0).op('i32ne').i32(1).op('i32shl', 'i32or');
      c.get(WRITE).i32(1).op('i32shl', 'i32and', 'i32or');
      c.get(WRITE).i32(6).op('i32shl', 'i32or');
    }
    c.set(this.need);
  }

  private steer(dword: number): Code {
    return this.word(this.layout.steering + 4 * dword);
  }

  private refuseUnpermitted(): void {
    this.c.get(this.flags).get(this.need).op('i32and').get(this.need).op('i32ne');
    this.leaveIf(REFUSE);
  }

  /** Sets pa from frame; the page must be plain cached RAM, and such that the front table may hold it. */
  private resolve(shift: number): void {
    const { c } = this;
    c.get(LIN)
      .i32((1 << shift) - 1)
      .op('i32and')
      .get(this.frame)
      .op('i32or');
    this.steer(STEER.a20).op('i32and').set(this.pa);
    this.refuseUnlessPlain(this.pa);
    if (!this.data) return;
    this.forbidding();
    this.leaveIf(REFUSE);
  }

  /** Pushes what of pa's page forbids it a place in the front table. */
  private forbidding(): void {
    const { c, layout } = this;
    c.get(this.pa).i32(SMALL_SHIFT).op('i32shr_u').mem('i32load8_u', layout.attributes);
    c.i32(0xff)
      .i32(PAGE_HOLE | PAGE_READ)
      .get(WRITE)
      .op('select', 'i32and');
  }

  private refuseUnlessPlain(pa: number): void {
    const { c } = this;
    c.get(pa).i32(this.layout.ramSize).op('i32ge_u');
    this.leaveIf(REFUSE);
    c.get(pa).i32(SMALL_SHIFT).op('i32shr_u').tee(this.v);
    this.steer(STEER.plainPage).op('i32sub');
    this.steer(STEER.plainPages).op('i32ge_u');
    this.if(() => {
      c.get(this.v).i32(LOW_PAGES).op('i32ge_u');
      this.leaveIf(REFUSE);
      c.get(this.v).i32(5).op('i32shr_u').i32(2).op('i32shl');
      c.mem('i32load', this.layout.steering + 4 * STEER.low)
        .get(this.v)
        .op('i32shr_u')
        .i32(1)
        .op('i32and', 'i32eqz');
      this.leaveIf(REFUSE);
    });
  }

  // ---- hits -------------------------------------------------------------------------------------------------------

  /** If the TLB has the page of `key`: a use of its entry. */
  private look(t: TlbLayout, shift: number): void {
    const { c } = this;
    this.chain(t, this.bucket, this.entry, this.entryAt, level => {
      this.dword(t.key, this.entryAt).get(this.key).op('i32eq');
      this.leaveIf(level);
    });
    c.get(this.entry).i32(0).op('i32ge_s');
    this.if(() => {
      this.dword(t.flags, this.entryAt).set(this.flags);
      this.refuseUnpermitted();
      c.get(this.flags)
        .i32(SPECIAL | TLB_HIGH)
        .op('i32and');
      this.leaveIf(REFUSE);
      this.dword(t.cell, this.entryAt).tee(this.stamp).i32(t.stamps).op('i32sub');
      c.i32(4 * t.entries).op('i32ge_u');
      this.leaveIf(REFUSE);
      this.dword(t.frame, this.entryAt).set(this.frame);
      this.resolve(shift);
      this.touch(this.clock, this.stamp);
      this.leave(FOUND);
    });
  }

  private setKey(shift: number): void {
    const { c } = this;
    c.get(LIN).i32(shift).op('i32shr_u');
    if (shift === BIG_SHIFT) c.i32(BIG).op('i32or');
    c.set(this.key);
    this.hash(this.key, this.bucket);
  }

  // ---- misses that the twin would not have had --------------------------------------------------------------------

  /**
   * A switch took the page's small entry away, which was walked here before, and its directory and table entries are what
   * they were: then all that they mean is known.
   */
  private again(t: TlbLayout): void {
    const { c, layout } = this;
    if (t.setWords > 2) return;
    this.block(walk => {
      const known = (dword: number) => this.dword(t.known + 4 * dword, this.old);
      // The TLB has it neither as a small page nor as a large one.
      this.dword(t.heads, this.bucket);
      c.get(LIN).i32(BIG_SHIFT).op('i32shr_u').i32(BIG).op('i32or').set(this.v);
      this.hash(this.v, this.w);
      this.dword(this.big.heads, this.w).op('i32and').i32(0).op('i32ge_s');
      this.leaveIf(walk);
      this.steer(STEER.directory).i32(SMALL_SHIFT).op('i32shr_u').set(this.tag);
      this.chain(twinChains(t), this.bucket, this.twin, this.twinAt, out => {
        this.dword(t.twinKey, this.twinAt).get(this.key).op('i32eq');
        this.dword(t.twinTag, this.twinAt).get(this.tag).op('i32eq', 'i32and');
        this.leaveIf(out);
      });
      c.get(this.twin).i32(0).op('i32lt_s');
      this.leaveIf(walk);
      c.get(this.twin).i32(KNOWN_SHIFT).op('i32shl').set(this.old);
      known(KNOWN.rule);
      this.steer(STEER.rule).op('i32ne');
      this.leaveIf(walk);
      for (const [at, address, value] of [
        [this.pdeAt, KNOWN.pdeAt, KNOWN.pde],
        [this.pteAt, KNOWN.pteAt, KNOWN.pte],
      ]) {
        known(address).tee(at).mem('i32load', layout.ram);
        known(value).op('i32ne');
        this.leaveIf(walk);
      }
      known(KNOWN.flags).tee(this.flags).get(this.need).op('i32and').get(this.need).op('i32ne');
      this.leaveIf(walk);
      known(KNOWN.page).get(LIN).i32(0xfff).op('i32and', 'i32or').set(this.pa);
      if (this.data) {
        this.forbidding();
        this.leaveIf(walk);
      }
      this.takeVacant(t, walk);
      this.stallTo(() => c.i32(WALK_SWITCH), layout.walkTicks, this.t);
      for (const pa of [this.pdeAt, this.pteAt])
        this.touchLine(pa, () => c.get(pa).get(DUE).call(SWITCH_LINE));
      this.countSwitch(t);
      this.setDword(t.key, this.entryAt, () => c.get(this.key));
      this.setDword(t.frame, this.entryAt, () => known(KNOWN.frame));
      this.setDword(t.flags, this.entryAt, () => c.get(this.flags));
      this.enterChain(t, this.bucket, this.entry, this.entryAt);
      this.link(t);
      this.leave(FOUND);
    });
  }

  /** Takes the lowest vacant entry of key's set, for one that is not global; leaves the block if there is none. */
  private takeVacant(t: TlbLayout, full: number): void {
    const { c } = this;
    const wide = t.setWords === 2;
    const bits = wide ? this.wide : this.t;
    const [load, store] = wide ? (['i64load', 'i64store'] as const) : (['i32load', 'i32store'] as const);
    const zero = () => (wide ? c.i64(0n) : c.i32(0));
    c.get(this.key)
      .i32(t.setMask)
      .op('i32and')
      .tee(this.set_)
      .i32(4 * t.setWords)
      .op('i32mul')
      .set(this.v);
    c.get(this.v)
      .mem(load, t.vacant)
      .tee(bits)
      .op(wide ? 'i64eqz' : 'i32eqz');
    this.leaveIf(full);
    c.get(bits).op(wide ? 'i64ctz' : 'i32ctz');
    if (wide) c.op('i32wrap');
    c.get(this.set_).i32(t.ways).op('i32mul', 'i32add').set(this.entry);
    this.toBytes(this.entry, this.entryAt);
    // All but the lowest bit stay vacant; the lowest joins those that a switch drops.
    c.get(this.v).get(bits).get(bits);
    if (wide) c.i64(1n).op('i64sub', 'i64and');
    else c.i32(1).op('i32sub', 'i32and');
    c.mem(store, t.vacant);
    c.get(this.v).get(this.v).mem(load, t.local).get(bits);
    zero().get(bits);
    if (wide) c.op('i64sub', 'i64and', 'i64or');
    else c.op('i32sub', 'i32and', 'i32or');
    c.mem(store, t.local);
  }

  /** What a walk of a small page was, for the next one; nothing of a large or global one. */
  private learn(t: TlbLayout, shift: number): void {
    const { c } = this;
    c.get(this.twin).i32(KNOWN_SHIFT).op('i32shl').set(this.old);
    const know = (dword: number, push: () => void) => this.setDword(t.known + 4 * dword, this.old, push);
    if (shift !== SMALL_SHIFT) return know(KNOWN.rule, () => c.i32(0));
    know(KNOWN.rule, () => {
      c.i32(0);
      this.steer(STEER.rule).get(this.flags).i32(TLB_G).op('i32and', 'select');
    });
    know(KNOWN.pdeAt, () => c.get(this.pdeAt));
    know(KNOWN.pde, () => c.get(this.pde));
    know(KNOWN.pteAt, () => c.get(this.pteAt));
    know(KNOWN.pte, () => c.get(this.pte));
    know(KNOWN.frame, () => c.get(this.frame));
    know(KNOWN.flags, () => c.get(this.flags));
    know(KNOWN.page, () =>
      c
        .get(this.pa)
        .i32(-1 << SMALL_SHIFT)
        .op('i32and'),
    );
  }

  // ---- misses -----------------------------------------------------------------------------------------------------

  private walk(): void {
    const { c } = this;
    c.get(LIN).i32(BIG_SHIFT).op('i32shr_u').i32(2).op('i32shl');
    this.steer(STEER.directory).op('i32add');
    this.readEntry(this.pdeAt, this.pde);
    c.get(this.pde).set(this.flags);
    c.i32(WALK).set(this.cause);
    this.steer(STEER.mode).i32(MODE_BIG).op('i32and').i32(0).op('i32ne');
    c.get(this.pde).i32(PTE_PS).op('i32and').i32(0).op('i32ne', 'i32and');
    this.if(
      () => {
        c.get(this.pde)
          .i32(BIG_RESERVED | BIG_PAT | TLB_HIGH | TLB_PWT | TLB_PCD)
          .op('i32and');
        this.leaveIf(REFUSE);
        this.refuseUnused(this.pde);
        c.get(this.pde)
          .i32(-1 << BIG_SHIFT)
          .op('i32and')
          .set(this.frame);
        this.take(this.big, BIG_SHIFT, this.small, SMALL_SHIFT);
      },
      () => {
        c.get(this.pde)
          .i32(-1 << SMALL_SHIFT)
          .op('i32and');
        c.get(LIN)
          .i32(SMALL_SHIFT - 2)
          .op('i32shr_u')
          .i32(0xffc)
          .op('i32and', 'i32add');
        this.readEntry(this.pteAt, this.pte);
        c.get(this.pte).i32(SPECIAL).op('i32and');
        this.leaveIf(REFUSE);
        this.refuseUnused(this.pde);
        this.refuseUnused(this.pte);
        c.get(this.pte)
          .i32(-1 << SMALL_SHIFT)
          .op('i32and')
          .set(this.frame);
        // Rights are both's, the rest is the PTE's.
        c.get(this.pde)
          .i32(~(TLB_U | TLB_W))
          .op('i32or')
          .get(this.pte)
          .op('i32and')
          .set(this.flags);
        this.take(this.small, SMALL_SHIFT, this.big, BIG_SHIFT);
      },
    );
  }

  /** Takes an address, lets the A20 gate at it and peeks at the entry there, which must be present. */
  private readEntry(at: number, value: number): void {
    const { c } = this;
    this.steer(STEER.a20).op('i32and').set(at);
    this.refuseUnlessPlain(at);
    c.get(at).mem('i32load', this.layout.ram).tee(value).i32(PTE_P).op('i32and', 'i32eqz');
    this.leaveIf(REFUSE);
  }

  /** The accessed bit must be set; the dirty bit is in `need`. */
  private refuseUnused(value: number): void {
    this.c.get(value).i32(PTE_A).op('i32and', 'i32eqz');
    this.leaveIf(REFUSE);
  }

  /** The page is in `t`'s size: frame and flags are those of its entries in RAM. The rest of the way to FOUND. */
  private take(t: TlbLayout, shift: number, other: TlbLayout, otherShift: number): void {
    const { c } = this;
    this.refuseUnpermitted();
    this.resolve(shift);
    c.get(this.flags);
    this.steer(STEER.mode).i32(MODE_GLOBAL).op('i32and').i32(0).op('i32ne');
    c.if(I32)
      .i32(TLB_U | TLB_W | TLB_D | TLB_G)
      .op('else')
      .i32(TLB_U | TLB_W | TLB_D)
      .op('end', 'i32and');
    c.set(this.flags);
    c.i32(GLOBAL_TAG);
    this.steer(STEER.directory).i32(SMALL_SHIFT).op('i32shr_u').tee(this.tag);
    c.get(this.flags).i32(TLB_G).op('i32and', 'select').set(this.u);
    // Walker.wasSwitchedAway; on the way the twin's entry for what is taken in.
    this.setKey(otherShift);
    this.askTwin(other);
    c.i32(-1).set(this.twin);
    this.setKey(shift);
    this.askTwin(t);
    c.get(this.u).set(this.tag);
    this.makeRoom(t);
    // From here on nothing can stop it.
    this.stallTo(() => c.get(this.cause), this.layout.walkTicks, this.t);
    const load = (pa: number) =>
      this.touchLine(pa, () => {
        c.get(this.cause).i32(WALK).op('i32eq');
        this.if(
          () => c.get(pa).get(DUE).call(WALK_LINE),
          () => c.get(pa).get(DUE).call(SWITCH_LINE),
        );
      });
    load(this.pdeAt);
    if (shift === SMALL_SHIFT) load(this.pteAt);
    this.insert(t);
    this.learn(t, shift);
  }

  /** Looks for key in the twin: for the directory in `tag` or global it sets the cause, for the tag in u `twin`. */
  private askTwin(t: TlbLayout): void {
    const { c } = this;
    this.chain(twinChains(t), this.bucket, this.v, this.w, () => {
      this.dword(t.twinKey, this.w).get(this.key).op('i32eq');
      this.if(() => {
        this.dword(t.twinTag, this.w).tee(this.t).get(this.u).op('i32eq');
        this.if(() => c.get(this.v).set(this.twin));
        c.get(this.t).get(this.tag).op('i32eq').get(this.t).i32(0).op('i32lt_s', 'i32or');
        this.if(() => c.i32(WALK_SWITCH).set(this.cause));
      });
    });
  }

  /** Finds an entry to fill, and one of the twin if that has none; refuses to drop a large page. */
  private makeRoom(t: TlbLayout): void {
    const { c } = this;
    c.get(this.key).i32(t.setMask).op('i32and').set(this.set_);
    c.i32(-1).set(this.entry).i32(-1).set(this.old).i32(0).set(this.evicts);
    this.block(level => {
      for (let w = 0; w < t.setWords; w++) {
        this.vacancy(t, w).tee(this.v);
        this.if(() => {
          c.get(this.set_).i32(t.ways).op('i32mul');
          c.i32(32 * w)
            .op('i32add')
            .get(this.v)
            .op('i32ctz', 'i32add')
            .set(this.entry);
          this.leave(level);
        });
      }
    });
    c.get(this.entry).i32(0).op('i32lt_s').get(this.twin).i32(0).op('i32lt_s', 'i32or');
    this.if(() => {
      this.findOldest(t, this.set_, this.old);
      this.toBytes(this.old, this.oldAt);
      c.get(this.entry).i32(0).op('i32lt_s');
      this.if(() => {
        // All are paired: the twin has these and no others.
        this.word(t.unpaired);
        this.leaveIf(REFUSE);
        c.i32(1).set(this.evicts);
        this.dword(t.twinLink, this.oldAt).tee(this.entry).i32(0).op('i32lt_s');
        this.leaveIf(REFUSE);
      });
      // Who loses its entry, or its twin: it is of the same set.
      this.dword(t.twinLink, this.oldAt).tee(this.v).i32(0).op('i32ge_s');
      this.if(() => {
        this.toBytes(this.v, this.v);
        this.dword(t.key, this.v).i32(BIG).op('i32and');
        this.leaveIf(REFUSE);
      });
    });
    this.toBytes(this.entry, this.entryAt);
  }

  private vacancy(t: TlbLayout, w: number): Code {
    return this.c
      .get(this.set_)
      .i32(4 * t.setWords)
      .op('i32mul')
      .mem('i32load', t.vacant + 4 * w);
  }

  /**
   * One load by the walker; `elsewhere`: of a line that is neither of the two most recent of its set. Tables are read by
   * turns with data, so the second is common.
   */
  private touchLine(pa: number, elsewhere: () => void): void {
    const { c, layout } = this;
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1d;
    c.get(pa).i32(shift).op('i32shr_u').tee(this.t).i32(setMask).op('i32and');
    c.i32(4 * ways)
      .op('i32mul')
      .tee(this.w);
    c.mem('i32load', tags).i32(2).op('i32shr_s').get(this.t).op('i32ne');
    if (ways % 4 !== 0) return this.if(elsewhere);
    this.if(() => {
      this.dword(tags + 4, this.w)
        .i32(2)
        .op('i32shr_s')
        .get(this.t)
        .op('i32eq');
      this.if(() => {
        c.get(this.w).get(this.w).mem('v128load', tags).get(this.w).mem('v128load', tags);
        c.shuffle([1, 0, 2, 3]).mem('v128store', tags);
        this.forget(this.t);
      }, elsewhere);
    });
  }

  /** Tlb.insert. */
  private insert(t: TlbLayout): void {
    const { c } = this;
    this.countUp(t, MISSES);
    c.get(this.evicts);
    this.if(() => {
      this.setDword(t.twinLink, this.oldAt, () => c.i32(-1));
      this.dword(t.key, this.entryAt).set(this.v);
      this.hash(this.v, this.w);
      this.leaveChain(t, this.w, this.entry, this.entryAt);
      this.dropFront(this.v, () => this.dword(t.cell, this.entryAt));
    });
    this.setDword(t.key, this.entryAt, () => c.get(this.key));
    this.setDword(t.frame, this.entryAt, () => c.get(this.frame));
    this.setDword(t.flags, this.entryAt, () => c.get(this.flags));
    this.enterChain(t, this.bucket, this.entry, this.entryAt);
    this.mark(t);
    c.get(this.twin).i32(0).op('i32ge_s');
    this.if(
      () => this.countUp(t, SWITCH_MISSES),
      () => this.enterTwin(t),
    );
    this.toBytes(this.twin, this.twinAt);
    this.link(t);
  }

  /** Pairs `entry` and `twin`, and uses them. */
  private link(t: TlbLayout): void {
    const { c } = this;
    this.setDword(t.twinLink, this.twinAt, () => c.get(this.entry));
    c.get(this.twinAt).i32(t.stamps).op('i32add').set(this.stamp);
    this.setDword(t.cell, this.entryAt, () => c.get(this.stamp));
    this.touch(this.clock, this.stamp);
  }

  /** The bits of `entry`: not vacant; local unless it is global. */
  private mark(t: TlbLayout): void {
    const { c } = this;
    c.get(this.entry).get(this.set_).i32(t.ways).op('i32mul', 'i32sub').tee(this.v);
    c.i32(5).op('i32shr_u').i32(2).op('i32shl');
    c.get(this.set_)
      .i32(4 * t.setWords)
      .op('i32mul', 'i32add')
      .set(this.w);
    c.i32(1).get(this.v).op('i32shl').set(this.v);
    const clear = (array: number) =>
      this.setDword(array, this.w, () =>
        this.dword(array, this.w).get(this.v).i32(-1).op('i32xor', 'i32and'),
      );
    clear(t.vacant);
    c.get(this.flags).i32(TLB_G).op('i32and');
    this.if(
      () => clear(t.local),
      () => this.setDword(t.local, this.w, () => this.dword(t.local, this.w).get(this.v).op('i32or')),
    );
  }

  /** Tlb.enterTwin, in the place of `old`. */
  private enterTwin(t: TlbLayout): void {
    const { c } = this;
    this.dword(t.twinLink, this.oldAt).tee(this.v).i32(0).op('i32ge_s');
    this.if(() => this.unpair(t));
    this.dword(t.twinKey, this.oldAt).tee(this.v).i32(-1).op('i32ne');
    this.if(() => {
      this.hash(this.v, this.w);
      this.leaveChain(twinChains(t), this.w, this.old, this.oldAt);
    });
    this.setDword(t.twinKey, this.oldAt, () => c.get(this.key));
    this.setDword(t.twinTag, this.oldAt, () => c.get(this.tag));
    this.enterChain(twinChains(t), this.bucket, this.old, this.oldAt);
    c.get(this.old).set(this.twin);
  }

  /** The twin loses the entry in v: it gets a stamp of its own. */
  private unpair(t: TlbLayout): void {
    const { c } = this;
    const own = t.stamps + 4 * t.entries;
    this.toBytes(this.v, this.v);
    this.dword(t.key, this.v).set(this.w);
    this.dropFront(this.w, () => this.dword(t.cell, this.v));
    this.setDword(own, this.v, () => this.dword(t.stamps, this.oldAt));
    this.setDword(t.cell, this.v, () => c.get(this.v).i32(own).op('i32add'));
    this.setWord(t.unpaired, () => this.word(t.unpaired).i32(1).op('i32add'));
  }
}
