/**
 * What tools are told as it happens: rare events of the processor and the MMU, each on a slow road already. Any number
 * of tools may listen; they see, and change nothing. With nobody listening an event costs the host one comparison.
 *
 * Left out: instructions and blocks (Engine.addHook, Engine.watch), accesses to watched ranges (mmu/watches.ts).
 */

/** A fault, a trap, INT n, or an interrupt from outside. */
export type EventKind = 'fault' | 'trap' | 'software' | 'external';

export interface Probe {
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

type Told<K extends keyof Probe> = Required<Probe>[K][];

export class Probes {
  readonly delivered: Told<'delivered'> = [];
  readonly returned: Told<'returned'> = [];
  readonly directoryLoaded: Told<'directoryLoaded'> = [];
  readonly tlbMissed: Told<'tlbMissed'> = [];
  readonly tlbFlushed: Told<'tlbFlushed'> = [];

  /** Tells `probe` from now on; returns the function that ends it. */
  add(probe: Probe): () => void {
    const ends = [
      join(this.delivered, probe.delivered?.bind(probe)),
      join(this.returned, probe.returned?.bind(probe)),
      join(this.directoryLoaded, probe.directoryLoaded?.bind(probe)),
      join(this.tlbMissed, probe.tlbMissed?.bind(probe)),
      join(this.tlbFlushed, probe.tlbFlushed?.bind(probe)),
    ];
    return () => {
      for (const end of ends) end();
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
