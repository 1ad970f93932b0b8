/**
 * What tools are told as it happens: rare events of the processor and the MMU, each on a slow road already. Any number
 * of tools may listen; they see, and change nothing. With nobody listening an event costs the host one comparison.
 *
 * `begins` is no rare event. Whoever executes code (the interpreter's block loops, a compiled engine) keeps a second
 * road for it, chosen when a run begins or comes to a head, so that the first never asks. Its promise: `begins` is told
 * before each stretch of straight code, when all that ran before is on the clock and counted (Cpu.instructions), and
 * before its region is charged or its first line fetched. Up to the next `begins` or `delivered` nothing runs but that
 * stretch, from its beginning, whole or in part: how many of its instructions were retired, the count says.
 *
 * Left out: a call before one address (Engine.addHook), stores of watched code (Engine.watch), accesses to watched
 * ranges (mmu/watches.ts).
 */

/** A fault, a trap, INT n, or an interrupt from outside. */
export type EventKind = 'fault' | 'trap' | 'software' | 'external';

/** Straight code: only its last instruction may go elsewhere. The same object for the same decoded bytes. */
export interface Straight {
  /** Linear address of its first byte, int32, and its EIP; EIP behind it. */
  readonly lin: number;
  readonly eip: number;
  readonly end: number;
  readonly insns: readonly StraightInsn[];
}

export interface StraightInsn {
  readonly eip: number;
  /** EIP of the next one in memory. */
  readonly next: number;
  readonly imm: number;
  /** The manual's form: `CALL relv`. */
  readonly row: { readonly form: string };
}

export interface Probe {
  /** With `begins`: each instruction is told of, as a stretch that runs no further than that. Slow. */
  readonly singly?: boolean;
  /** The first `count` instructions of `code` come next, if nothing stops or faults before. */
  begins?(code: Straight, count: number): void;
  /** An event has reached its handler, which comes next; `error` -1: no code was pushed. */
  delivered?(vector: number, error: number, kind: EventKind, returnEip: number): void;
  /** IRET is done, but for what the block's end does. */
  returned?(): void;
  /** CR3 was loaded; both are what the register holds. Equal values flush all the same. */
  directoryLoaded?(from: number, to: number): void;
  /** A walk begins for linear address `lin`; `bySwitch`: a TLB that no switch flushed would have held it. */
  tlbMissed?(tlb: string, lin: number, write: boolean, bySwitch: boolean): void;
  /** Translations were dropped: of one linear address (INVLPG), or -1: all, or all that are not global. */
  tlbFlushed?(lin: number): void;
}

type Told<K extends Exclude<keyof Probe, 'singly'>> = Required<Probe>[K][];

export class Probes {
  readonly begins: Told<'begins'> = [];
  /** Tools that want each instruction. */
  singly = 0;
  /** All tools. */
  listeners = 0;
  readonly delivered: Told<'delivered'> = [];
  readonly returned: Told<'returned'> = [];
  readonly directoryLoaded: Told<'directoryLoaded'> = [];
  readonly tlbMissed: Told<'tlbMissed'> = [];
  readonly tlbFlushed: Told<'tlbFlushed'> = [];

  /** Tells `probe` from now on; returns the function that ends it. */
  add(probe: Probe): () => void {
    const single = probe.begins !== undefined && probe.singly === true;
    if (single) this.singly++;
    this.listeners++;
    const ends = [
      () => {
        if (single) this.singly--;
        this.listeners--;
      },
      join(this.begins, probe.begins?.bind(probe)),
      join(this.delivered, probe.delivered?.bind(probe)),
      join(this.returned, probe.returned?.bind(probe)),
      join(this.directoryLoaded, probe.directoryLoaded?.bind(probe)),
      join(this.tlbMissed, probe.tlbMissed?.bind(probe)),
      join(this.tlbFlushed, probe.tlbFlushed?.bind(probe)),
    ];
    return () => {
      for (const end of ends.splice(0)) end();
    };
  }
}

function join<T>(list: T[], listener: T | undefined): () => void {
  if (listener === undefined) return () => {};
  list.push(listener);
  return () => {
    const at = list.indexOf(listener);
    if (at >= 0) list.splice(at, 1);
  };
}
