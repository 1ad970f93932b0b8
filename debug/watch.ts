/**
 * Watchpoints: what happens to a range of memory is told when it happens. A store is met when it is done, a load before
 * it is made; either way the guest stands behind the instruction. An instruction that touches the range more than once
 * (a read-modify-write, a store of two pages) is met once.
 *
 * A linear range is watched in whatever directory is loaded, for the CPU's accesses by that address; a physical one
 * for the accesses by any address, and for those of bus masters and the page walker. Instruction fetches are not seen.
 */
import type { Watch } from '../emu/mmu/watches.ts';
import type { Watchpoint } from './model.ts';
import type { Place } from './points.ts';

const ECX = 1;

/** Watches as long as the function that it returns is not called. */
export function placeWatch(point: Watchpoint, place: Place): () => void {
  const { target } = place;
  const { machine } = target;
  const { cpu, engine } = machine;
  const { address, length, physical, access } = point;
  const bytes = () => target.bytes(address, length, physical);
  /** The instruction (or round of a REP) that was met last. */
  let last = '';

  const meet = (lin: number, write: boolean, before: Uint8Array) => {
    const round = `${cpu.instructions + cpu.retiredInBlock()} ${cpu.deliveries} ${cpu.r32[ECX]}`;
    const device = Number.isNaN(lin);
    if (!device && round === last) return;
    const met = place.met('after', () => ({
      ...(device ? {} : { by: engine.currentLin() >>> 0 }),
      before,
      write,
    }));
    if (met && !device) last = round;
  };

  const reading = (lin: number) => {
    point.bytes = bytes();
    meet(lin, false, point.bytes);
  };
  const writing = () => {
    point.bytes = bytes();
  };
  const written = (lin: number) => {
    const before = point.bytes;
    point.bytes = bytes();
    if (access === 'change' && before.every((b, n) => b === point.bytes[n])) return;
    meet(lin, true, before);
  };
  const placed = () => {
    last = '';
  };
  const stores = { writing, written };
  const tells: Partial<Watch> =
    access === 'read' ? { reading } : access === 'access' ? { reading, ...stores } : stores;
  point.bytes = bytes();
  return cpu.mmu.watches.add({ address, length, physical, placed, ...tells });
}
