/**
 * Tells of the CPU's loads from a range of physical memory, and of bus masters' reads of it: when is a corrupted datum
 * first used? Pages with such a range leave the fast road; others are as fast as before. What the page walker and
 * instruction fetches read is not told of.
 */
import { PAGE_READ } from '../../emu/mmu/control.ts';
import type { Session } from '../../guest/session.ts';

const PAGE = 4096;

interface Watched {
  pa: number;
  length: number;
  fn: OnRead;
}

/** The watches of each machine. */
const known = new WeakMap<object, Watched[]>();

/** Linear address of the load; null for a bus master's read. */
export type OnRead = (linear: number | null) => void;

/**
 * Calls `fn` before each read that touches [pa, pa + length) of RAM. Returns what ends it; end it before a snapshot is
 * restored, since the marks of pages are part of one.
 */
export function watchRead(session: Session, pa: number, length: number, fn: OnRead): () => void {
  const { mmu } = session.machine.cpu;
  const watches = known.get(mmu) ?? [];
  known.set(mmu, watches);
  const watch = { pa, length, fn };
  watches.push(watch);
  mmu.onWatchedRead = (at, bytes, lin) => {
    for (const w of watches)
      if (at < w.pa + w.length && at + bytes > w.pa) w.fn(Number.isNaN(lin) ? null : lin >>> 0);
  };
  mark(watch, true);
  return () => {
    const at = watches.indexOf(watch);
    if (at < 0) return;
    watches.splice(at, 1);
    mark(watch, false);
    for (const left of watches) mark(left, true);
  };

  function mark(w: Watched, on: boolean): void {
    const first = w.pa - (w.pa % PAGE);
    mmu.setPages(first, w.pa + w.length - first, PAGE_READ, on);
  }
}
