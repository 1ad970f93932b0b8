/**
 * Writing the processor's registers by name, as MOV would, but at no cost: general registers and their parts, EIP, and
 * the flags that POPF changes. Left out: segment and control registers, whose loading has effects beyond a value.
 */
import type { Cpu } from '../emu/cpu/cpu.ts';
import { ALL_FLAGS, VM } from '../emu/cpu/registers.ts';

const PARTS: readonly [names: readonly string[], bytes: 1 | 2 | 4][] = [
  [['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'], 4],
  [['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'], 2],
  [['al', 'cl', 'dl', 'bl', 'ah', 'ch', 'dh', 'bh'], 1],
];

export function writableRegister(name: string): boolean {
  return name === 'eip' || name === 'eflags' || PARTS.some(([names]) => names.includes(name));
}

/** Gives the register that writableRegister() accepts the low bits of `value`. */
export function setRegister(cpu: Cpu, name: string, value: number): void {
  if (name === 'eip') cpu.eip = value | 0;
  else if (name === 'eflags') cpu.eflags = (value & ALL_FLAGS & ~VM) | (cpu.eflags & VM);
  else
    for (const [names, bytes] of PARTS) {
      const n = names.indexOf(name);
      if (n < 0) continue;
      // AH, CH, DH and BH are the second bytes of the first four.
      const index = bytes === 1 ? (n & 3) * 4 + (n >> 2) : n;
      if (bytes === 4) cpu.r32[index] = value | 0;
      else if (bytes === 2) cpu.r16[2 * index] = value;
      else cpu.r8[index] = value;
    }
}
