/**
 * What compiled code does with a TLB and its twin (mmu/tlb.ts): finds keys by their chains, takes entries in and out. A
 * local with `At` in its name is an entry's number in bytes of the arrays, which are of dwords; others are plain numbers.
 */
import { BUCKETS } from '../../mmu/tlb.ts';
import type { Layout, TlbLayout } from './layout.ts';
import type { Code } from './wasm.ts';
import { I32 } from './wasm.ts';
import { Writer } from './writer.ts';

/** Bytes of one of Tlb.counts. */
const COUNT = 8;

/** Where the chains of a hash are: Tlb's own, or its twin's. */
export interface Chains {
  heads: number;
  next: number;
}

export function twinChains(t: TlbLayout): Chains {
  return { heads: t.twinHeads, next: t.twinNext };
}

export class TlbWriter extends Writer {
  /** Types of the function's locals behind its parameters. */
  protected readonly types: number[] = [];
  private readonly parameters: number;
  /** Labels around the place that is written. */
  private depth = 0;
  private readonly spare: readonly number[];

  constructor(layout: Layout, parameters: number) {
    super(layout);
    this.parameters = parameters;
    this.spare = [this.local(), this.local(), this.local()];
  }

  /** A local of the function, all its own. */
  protected local(type = I32): number {
    return this.parameters + this.types.push(type) - 1;
  }

  // ---- structure --------------------------------------------------------------------------------------------------

  /** `body` is told the block's level, for leave() and leaveIf(). */
  protected block(body: (level: number) => void): void {
    this.c.block();
    this.within(body);
  }

  /** To leave for a loop is to go round again. */
  protected loop(body: (level: number) => void): void {
    this.c.loop();
    this.within(body);
  }

  protected if(body: () => void, otherwise?: () => void): void {
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

  private within(body: (level: number) => void): void {
    body(this.depth++);
    this.depth--;
    this.c.op('end');
  }

  /** Takes a condition: if it is not 0, to the end of the block that is `level` labels from the outermost. */
  protected leaveIf(level: number): void {
    this.c.brIf(this.depth - level - 1);
  }

  protected leave(level: number): void {
    this.c.br(this.depth - level - 1);
  }

  // ---- dwords -----------------------------------------------------------------------------------------------------

  /** Pushes the dword of `array` at a local's bytes. */
  protected dword(array: number, at: number): Code {
    return this.c.get(at).mem('i32load', array);
  }

  protected setDword(array: number, at: number, push: () => void): void {
    this.c.get(at);
    push();
    this.c.mem('i32store', array);
  }

  /** Pushes the dword at an address that is known. */
  protected word(address: number): Code {
    return this.c.i32(0).mem('i32load', address);
  }

  protected setWord(address: number, push: () => void): void {
    this.c.i32(0);
    push();
    this.c.mem('i32store', address);
  }

  protected toBytes(number: number, at: number): void {
    this.c.get(number).i32(2).op('i32shl').set(at);
  }

  /** Both misses and switch misses, the first two of Tlb.counts, go up. */
  protected countSwitch(t: TlbLayout): void {
    const one = 0x3ff0_0000; // the high half of 1 as a double
    this.c.i32(0).i32(0).mem('v128load', t.counts).dwords([0, one, 0, one]);
    this.c.vector('f64x2add').mem('v128store', t.counts);
  }

  /** One of Tlb.counts goes up. */
  protected countUp(t: TlbLayout, n: number): void {
    const at = t.counts + COUNT * n;
    this.c.i32(0).i32(0).mem('f64load', at).f64(1).op('f64add').mem('f64store', at);
  }

  // ---- chains -----------------------------------------------------------------------------------------------------

  /** Sets `bucket` to that of a key, in bytes. */
  protected hash(key: number, bucket: number): void {
    const { c } = this;
    c.get(key)
      .get(key)
      .i32(9)
      .op('i32shr_u', 'i32xor')
      .i32(BUCKETS - 1);
    c.op('i32and').i32(2).op('i32shl').set(bucket);
  }

  /** Walks a chain: `each` looks at the entry in the locals, and may leave for the end; else `entry` is -1 there. */
  protected chain(
    chains: Chains,
    bucket: number,
    entry: number,
    at: number,
    each: (out: number) => void,
  ): void {
    this.dword(chains.heads, bucket).set(entry);
    this.block(out =>
      this.loop(again => {
        this.c.get(entry).i32(0).op('i32lt_s');
        this.leaveIf(out);
        this.toBytes(entry, at);
        each(out);
        this.dword(chains.next, at).set(entry);
        this.leave(again);
      }),
    );
  }

  protected enterChain(chains: Chains, bucket: number, entry: number, at: number): void {
    this.setDword(chains.next, at, () => this.dword(chains.heads, bucket));
    this.setDword(chains.heads, bucket, () => this.c.get(entry));
  }

  protected leaveChain(chains: Chains, bucket: number, entry: number, at: number): void {
    const { c } = this;
    const [t, u] = this.spare;
    this.dword(chains.heads, bucket).tee(t).get(entry).op('i32eq');
    this.if(
      () => this.setDword(chains.heads, bucket, () => this.dword(chains.next, at)),
      () => {
        this.loop(again => {
          this.toBytes(t, t);
          this.dword(chains.next, t).tee(u).get(entry).op('i32ne');
          this.if(() => {
            c.get(u).set(t);
            this.leave(again);
          });
        });
        this.setDword(chains.next, t, () => this.dword(chains.next, at));
      },
    );
  }

  // ---- recency ----------------------------------------------------------------------------------------------------

  /** A use: the stamp whose address is in a local is the newest. Stamps must not run out here. */
  protected touch(clock: number, cell: number): void {
    const { c } = this;
    const [t] = this.spare;
    this.setWord(clock, () => this.word(clock).i32(1).op('i32add').tee(t));
    c.get(cell).get(t).mem('i32store', 0);
  }

  /** Tlb.oldestTwin of a set. */
  protected findOldest(t: TlbLayout, set: number, oldest: number): void {
    const { c } = this;
    const [at, least, u] = this.spare;
    const bytes = 4 * t.ways;
    c.get(set).i32(bytes).op('i32mul').tee(at).set(oldest);
    this.dword(t.stamps, at).set(least);
    if (t.ways > 1) {
      this.loop(again => {
        c.get(at).i32(4).op('i32add').set(at);
        this.dword(t.stamps, at).tee(u).get(least).op('i32lt_u');
        this.if(() => c.get(u).set(least).get(at).set(oldest));
        c.get(at).get(set).i32(bytes).op('i32mul', 'i32sub');
        c.i32(bytes - 4).op('i32lt_u');
        this.leaveIf(again);
      });
    }
    c.get(oldest).i32(2).op('i32shr_u').set(oldest);
  }
}
