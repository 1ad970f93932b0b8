/**
 * A bus master's way to memory: RAM by physical address, past the processor but not past its caches, decoded code
 * and watchers. A shadow of ROM and a hole keep what they hold. The A20 gate is on the processor's side.
 */
import type { Dma } from './bus.ts';
import type { Engine } from './cpu/engine.ts';

/** DMA to the RAM of `engine`'s processor. */
export function busMaster(engine: Engine): Dma {
  const { mmu } = engine.cpu;
  const { hierarchy, ram8, ramSize } = mmu;
  const inside = (physical: number, length: number) => Math.max(0, Math.min(length, ramSize - physical));

  /** Page by page: what is no writable RAM stays. */
  const writeRam = (physical: number, bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 4096 - ((physical + at) & 4095));
      if (mmu.isWritable(physical + at)) ram8.set(bytes.subarray(at, end), physical + at);
      at = end;
    }
  };

  return {
    read: (physical, into) => {
      mmu.onMaster?.(physical, into.length, false);
      const length = inside(physical, into.length);
      into.fill(0xff, length);
      if (length === 0) return;
      mmu.deviceReads(physical, length);
      into.set(ram8.subarray(physical, physical + length));
      if (hierarchy.timed) hierarchy.clean(physical, length);
    },
    write: (physical, from) => {
      mmu.onMaster?.(physical, from.length, true);
      const length = inside(physical, from.length);
      if (length === 0) return;
      mmu.markDirty(physical, length);
      mmu.deviceWrites(physical, length);
      writeRam(physical, from.subarray(0, length));
      if (hierarchy.timed) hierarchy.invalidate(physical, length);
      engine.blocks.invalidate(physical, length);
      mmu.deviceWrote(physical, length);
    },
  };
}
