/**
 * When memory that a fault changed is first read by the CPU. A write to it first ends the watch: the fault was
 * overwritten and never used. While anything is watched each access takes the MMU's slow part (the same guest cycles,
 * more of the host's time), so a watch ends after a number of accesses: what nobody has read by then counts as unused.
 *
 * Not seen: reads by a device (a descriptor ring) and by the page walker.
 */
import type { Saved } from '../../emu/bus.ts';
import type { Machine } from '../../emu/machine.ts';

/** Accesses of the CPU that a watch lasts, at most. */
const PATIENCE = 1_000_000;

interface Watched {
  lin: number;
  tell: () => void;
}

export class FirstUse implements Saved {
  private readonly machine: Machine;
  private watched: Watched[] = [];
  private left = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Calls `tell` at the first read of the byte at `lin`. */
  watch(lin: number, tell: () => void): void {
    this.watched.push({ lin: lin | 0, tell });
    this.left = PATIENCE;
    this.machine.cpu.mmu.watchAccesses(this.access);
  }

  stop(): void {
    if (this.watched.length > 0) this.machine.cpu.mmu.watchAccesses(null);
    this.watched = [];
  }

  save(): unknown {
    return { watched: this.watched.slice(), left: this.left };
  }

  /** What was watched by this very object then. */
  load(state: unknown): void {
    const { watched, left } = state as { watched: Watched[]; left: number };
    if (watched.length > 0) this.machine.cpu.mmu.watchAccesses(this.access);
    else this.stop();
    this.watched = watched.slice();
    this.left = left;
  }

  private readonly access = (lin: number, size: number, write: boolean): void => {
    for (const w of this.watched) {
      if ((w.lin - lin) >>> 0 >= size) continue;
      if (!write) w.tell();
      this.drop(w);
      return;
    }
    if (--this.left <= 0) this.stop();
  };

  private drop(w: Watched): void {
    if (this.watched.length === 1) this.stop();
    else this.watched = this.watched.filter(other => other !== w);
  }
}
