/** A clock that the test moves, an IRQ line that remembers, and registers reached through their ports. */

import type { IrqLine, PortRange } from '../../../emu/bus.ts';
import { Clock } from '../../../emu/clock.ts';
import { PortSpace } from '../../../emu/devices/port-space.ts';

export class TestClock extends Clock {
  private readonly ticks: Float64Array;

  constructor(hz: number) {
    const ticks = new Float64Array(1);
    super(hz, ticks);
    this.ticks = ticks;
  }

  /** Goes to `tick`, running each event at its deadline. */
  runTo(tick: number): void {
    while (this.next() <= tick) {
      this.ticks[0] = Math.max(this.ticks[0], this.next());
      this.runDue();
    }
    this.ticks[0] = tick;
  }

  run(ticks: number): void {
    this.runTo(this.now() + ticks);
  }

  /** Goes on without running any event, as a long instruction does. */
  jump(ticks: number): void {
    this.ticks[0] += ticks;
  }
}

/** Records each change of level, with its tick. */
export class IrqSpy implements IrqLine {
  level = false;
  readonly changes: [tick: number, level: boolean][] = [];
  private readonly clock: Clock | undefined;

  constructor(clock?: Clock) {
    this.clock = clock;
  }

  set(level: boolean): void {
    if (level === this.level) return;
    this.level = level;
    this.changes.push([this.clock?.now() ?? 0, level]);
  }

  /** Ticks of the rising edges. */
  rises(): number[] {
    return this.changes.filter(([, level]) => level).map(([tick]) => tick);
  }
}

/** Byte-wide IN and OUT at the ports of one device. */
export function io(device: { ports(): PortRange[] }): {
  in: (port: number) => number;
  out: (port: number, ...values: number[]) => void;
} {
  const space = new PortSpace();
  for (const range of device.ports()) space.mapPorts(range);
  return {
    in: port => space.readPort(port, 1),
    out: (port, ...values) => {
      for (const value of values) space.writePort(port, 1, value);
    },
  };
}
