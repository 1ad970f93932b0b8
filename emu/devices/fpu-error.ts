/**
 * How a PC reports x87 exceptions outside the processor (CR0.NE = 0): FERR# latches IRQ 13; a write to port 0xF0
 * clears the latch and asserts IGNNE# until FERR# goes, so that the handler may use the FPU. SDM vol. 1, appendix D
 * (D.2.1.3); 82371SB PIIX3, coprocessor error register. Port 0xF1, which reset the 80287 of an AT, clears as 0xF0 does.
 */
import type { IrqLine, PortRange } from '../bus.ts';
import { bytePorts } from './byte-ports.ts';

const CLEAR_BUSY = 0xf0;

export interface FpuErrorOptions {
  /** IRQ 13. */
  irq: IrqLine;
  /** The level of IGNNE#, asserted when true. */
  onIgnne: (level: boolean) => void;
}

export interface FpuErrorState {
  ferr: boolean;
  latched: boolean;
  ignne: boolean;
}

export class FpuError {
  private readonly options: FpuErrorOptions;
  private s: FpuErrorState = { ferr: false, latched: false, ignne: false };

  constructor(options: FpuErrorOptions) {
    this.options = options;
  }

  ports(): PortRange[] {
    return [{ first: CLEAR_BUSY, count: 2, bus: 'isa', name: 'fpu-error', handler: bytePorts(this) }];
  }

  /** The processor's FERR#, asserted when true. */
  ferr(level: boolean): void {
    if (level && !this.s.ferr) this.latch(true);
    this.s.ferr = level;
    if (!level) this.ignne(false);
  }

  readByte(_port: number): number {
    return 0xff;
  }

  /** Any value clears. */
  writeByte(_port: number, _value: number): void {
    this.latch(false);
    if (this.s.ferr) this.ignne(true);
  }

  save(): FpuErrorState {
    return { ...this.s };
  }

  load(state: FpuErrorState): void {
    this.s = { ...state };
  }

  private latch(on: boolean): void {
    this.s.latched = on;
    this.options.irq.set(on);
  }

  private ignne(level: boolean): void {
    if (level === this.s.ignne) return;
    this.s.ignne = level;
    this.options.onIgnne(level);
  }
}
