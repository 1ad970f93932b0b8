/**
 * Three small ports of a PC's board that need no chip of their own:
 * 0x80  POST code: any write is accepted (Linux's outb_p writes here to wait one bus cycle); reads the last value.
 * 0x92  System Control Port A (PS/2): bit 1 gates A20, bit 0 resets the CPU on its rise.
 * 0xE9  debug console as Bochs and QEMU have it: a written byte goes to the host, a read gives 0xE9.
 *
 * Left out: the address line itself. A20 is on from reset, as Multiboot promises; the bit is kept and reported
 * through `a20()`, and turning it off masks nothing.
 */

import type { PortRange } from '../bus.ts';
import { bytePorts } from './byte-ports.ts';

const POST = 0x80;
const SYSTEM_CONTROL_A = 0x92;
const DEBUG_CONSOLE = 0xe9;

/** System Control Port A. */
const FAST_RESET = 1 << 0;
const A20_GATE = 1 << 1;

export interface BoardPortsOptions {
  /** Gets each byte written to the debug console. */
  onTransmit?: (byte: number) => void;
  /** The guest pulsed the fast reset. */
  onReset?: () => void;
}

export interface BoardPortsState {
  post: number;
  systemControl: number;
}

export class BoardPorts {
  private readonly options: BoardPortsOptions;
  private post = 0;
  private systemControl = A20_GATE;

  constructor(options: BoardPortsOptions = {}) {
    this.options = options;
  }

  ports(): PortRange[] {
    const handler = bytePorts(this);
    return [
      { first: POST, count: 1, bus: 'isa', name: 'post', handler },
      { first: SYSTEM_CONTROL_A, count: 1, bus: 'isa', name: 'system-control', handler },
      { first: DEBUG_CONSOLE, count: 1, bus: 'isa', name: 'debug-console', handler },
    ];
  }

  /** Whether address line 20 is passed on. */
  a20(): boolean {
    return (this.systemControl & A20_GATE) !== 0;
  }

  /** The last POST code written, 0..255. */
  postCode(): number {
    return this.post;
  }

  readByte(port: number): number {
    if (port === POST) return this.post;
    return port === SYSTEM_CONTROL_A ? this.systemControl : DEBUG_CONSOLE;
  }

  writeByte(port: number, value: number): void {
    if (port === POST) this.post = value;
    else if (port === DEBUG_CONSOLE) this.options.onTransmit?.(value);
    else this.writeSystemControl(value);
  }

  save(): BoardPortsState {
    return { post: this.post, systemControl: this.systemControl };
  }

  load(state: BoardPortsState): void {
    this.post = state.post;
    this.systemControl = state.systemControl;
  }

  private writeSystemControl(value: number): void {
    const rising = value & ~this.systemControl & FAST_RESET;
    this.systemControl = value & (FAST_RESET | A20_GATE);
    if (rising) this.options.onReset?.();
  }
}
