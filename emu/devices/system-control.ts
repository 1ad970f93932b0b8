/**
 * System Control Port A of the PS/2, port 0x92: bit 1 lets address line 20 through, bit 0 resets the CPU on its rise.
 *
 * IBM PS/2 Hardware Interface Technical Reference, "System control port A". The board ORs its A20 with that of the
 * keyboard controller (emu/board.ts). It is on at construction, as a BIOS leaves it. Left out: the other bits
 * (disk lights, security lock), which read 0.
 */

import type { PortRange } from '../bus.ts';
import { bytePorts } from './byte-ports.ts';

const PORT = 0x92;
const FAST_RESET = 1 << 0;
const A20_GATE = 1 << 1;

export interface SystemControlOptions {
  /** The A20 bit changed. */
  onA20?: (on: boolean) => void;
  /** The guest raised the fast reset. */
  onReset?: () => void;
}

export class SystemControl {
  private readonly options: SystemControlOptions;
  private value = A20_GATE;

  constructor(options: SystemControlOptions = {}) {
    this.options = options;
  }

  ports(): PortRange[] {
    return [{ first: PORT, count: 1, bus: 'isa', name: 'system-control', handler: bytePorts(this) }];
  }

  a20(): boolean {
    return (this.value & A20_GATE) !== 0;
  }

  /** The state after power-on: both bits clear. */
  powerOn(): void {
    this.writeByte(PORT, 0);
  }

  readByte(_port: number): number {
    return this.value;
  }

  writeByte(_port: number, value: number): void {
    const changed = value ^ this.value;
    this.value = value & (FAST_RESET | A20_GATE);
    if (changed & A20_GATE) this.options.onA20?.(this.a20());
    if (changed & value & FAST_RESET) this.options.onReset?.();
  }

  save(): number {
    return this.value;
  }

  load(state: number): void {
    this.value = state;
  }
}
