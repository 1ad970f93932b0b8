/**
 * The debug console, port 0xE9, as Bochs and QEMU (isa-debugcon) have it: a written byte goes to the host, a read
 * gives 0xE9, by which a guest knows that it is there.
 */

import type { PortRange } from '../bus.ts';
import { bytePorts } from './byte-ports.ts';

const PORT = 0xe9;

export class DebugConsole {
  private readonly onByte: ((byte: number) => void) | undefined;

  /** `onByte` gets each byte that the guest writes. */
  constructor(onByte?: (byte: number) => void) {
    this.onByte = onByte;
  }

  ports(): PortRange[] {
    return [{ first: PORT, count: 1, bus: 'isa', name: 'debug-console', handler: bytePorts(this) }];
  }

  readByte(_port: number): number {
    return PORT;
  }

  writeByte(_port: number, value: number): void {
    this.onByte?.(value);
  }

  save(): null {
    return null;
  }

  load(_state: unknown): void {}
}
