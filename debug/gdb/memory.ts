/**
 * Memory as gdb asks for it: linear addresses under a thread's page directory, past TLBs and caches. Before the
 * kernel turns paging on, the addresses that its symbols have are those of its image in RAM, so that variables can be
 * read from the first instruction on.
 *
 * Left out: a memory map (qXfer:memory-map), which would be one of physical addresses.
 */
import { CommandError } from '../error.ts';
import type { Target } from '../target.ts';

/** Up to `length` bytes, as far as they can be read. */
export function readMemory(target: Target, directory: number, address: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let n = 0; n < length; n++) {
    const byte = byteAt(target, directory, address + n);
    if (byte < 0) return bytes.subarray(0, n);
    bytes[n] = byte;
  }
  return bytes;
}

function byteAt(target: Target, directory: number, address: number): number {
  const { mmu } = target.machine.cpu;
  const pa = mmu.peekTranslate(target.loaded(address) | 0, directory & ~0xfff);
  return pa >= 0 && pa < target.machine.ramSize ? mmu.codeByte(pa) : -1;
}

/** Writes all of the bytes, or none. Throws a CommandError where one is not RAM that the loaded directory reaches. */
export function writeMemory(target: Target, directory: number, address: number, bytes: Uint8Array): void {
  const { mmu } = target.machine.cpu;
  for (let n = 0; n < bytes.length; n++) {
    const lin = target.loaded(address + n) | 0;
    if (mmu.peekTranslate(lin, directory & ~0xfff) !== mmu.peekTranslate(lin))
      throw new CommandError('only the running thread has that memory now');
  }
  if (bytes.length > 0) target.writeMemory(target.loaded(address), bytes);
}
