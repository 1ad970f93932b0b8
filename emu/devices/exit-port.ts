/**
 * The exit port, 0xF4: the guest ends its own run by writing the exit code there.
 *
 * The same port as QEMU's isa-debug-exit (iobase=0xf4), whose process exit code is (value << 1) | 1; ours is the
 * value itself. What the run's end means is the machine's business. Reads give all ones.
 */

import type { AccessSize, PortHandler, PortRange } from '../bus.ts';

const EXIT_PORT = 0xf4;

export class ExitPort implements PortHandler {
  private readonly onExit: (value: number) => void;

  /** `onExit` gets the unsigned value that the guest wrote. */
  constructor(onExit: (value: number) => void) {
    this.onExit = onExit;
  }

  ports(): PortRange[] {
    return [{ first: EXIT_PORT, count: 4, bus: 'isa', name: 'exit', handler: this }];
  }

  readPort(_port: number, size: AccessSize): number {
    return size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
  }

  /** Only a write to the first port is an exit code; the other three swallow theirs. */
  writePort(port: number, _size: AccessSize, value: number): void {
    if (port === EXIT_PORT) this.onExit(value >>> 0);
  }

  save(): null {
    return null;
  }

  load(_state: unknown): void {}
}
