/**
 * Tells of the CPU's loads from a range of physical memory, and of bus masters' reads of it: when is a corrupted datum
 * first used? What the page walker and instruction fetches read is not told of.
 */
import type { Session } from '../../guest/session.ts';

/** Linear address of the load; null for a bus master's read. */
export type OnRead = (linear: number | null) => void;

/** Calls `fn` before each read that touches [pa, pa + length) of RAM. Returns what ends it. */
export function watchRead(session: Session, pa: number, length: number, fn: OnRead): () => void {
  const reading = (lin: number) => fn(Number.isNaN(lin) ? null : lin >>> 0);
  return session.machine.cpu.mmu.watches.add({ address: pa, length, physical: true, reading });
}
