/**
 * Guest memory by linear address, written behind the CPU's back: what it decoded from there is void. Kernel addresses
 * mean the same in every directory, so it does not matter which one is in use.
 */
import type { Machine } from '../../emu/machine.ts';

export class GuestMemory {
  private readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** The byte, or -1 where no RAM is mapped. */
  byte(lin: number): number {
    return this.machine.peek8(lin | 0);
  }

  /** The bytes, or null where one of them is not RAM. */
  bytes(lin: number, length: number): number[] | null {
    const bytes = Array.from({ length }, (_, n) => this.byte(lin + n));
    return bytes.every(b => b >= 0) ? bytes : null;
  }

  /** The unsigned word of 1, 2 or 4 bytes, or -1. */
  word(lin: number, size: 1 | 2 | 4 = 4): number {
    return this.bytes(lin, size)?.reduce((sum, b, n) => sum + b * 2 ** (8 * n), 0) ?? -1;
  }

  /** False, and nothing is written, where a byte is not RAM. */
  write(lin: number, bytes: readonly number[]): boolean {
    const physical = bytes.map((_, n) => this.machine.cpu.mmu.peekTranslate((lin + n) | 0));
    if (!physical.every(pa => pa >= 0 && pa < this.machine.ramSize)) return false;
    bytes.forEach((b, n) => {
      this.machine.writePhysical(physical[n], Uint8Array.of(b));
    });
    return true;
  }

  writeWord(lin: number, value: number): boolean {
    return this.write(
      lin,
      [0, 8, 16, 24].map(shift => (value >>> shift) & 0xff),
    );
  }
}
