import { describe, expect, it } from 'vitest';
import { FpuError } from '../../../emu/devices/fpu-error.ts';
import { io } from './board.ts';

function rig() {
  const levels = { irq: false, ignne: false };
  const device = new FpuError({
    irq: {
      set: level => {
        levels.irq = level;
      },
    },
    onIgnne: level => {
      levels.ignne = level;
    },
  });
  return { device, levels, bus: io(device) };
}

describe('FERR# and IGNNE#', () => {
  it('FERR# latches IRQ 13, and its end does not take that back', () => {
    const { device, levels } = rig();
    device.ferr(true);
    expect(levels).toEqual({ irq: true, ignne: false });
    device.ferr(false);
    expect(levels).toEqual({ irq: true, ignne: false });
  });

  it('a write to port 0xF0 or 0xF1 clears the latch and asserts IGNNE# until FERR# goes', () => {
    for (const port of [0xf0, 0xf1]) {
      const { device, levels, bus } = rig();
      device.ferr(true);
      bus.out(port, 0);
      expect(levels).toEqual({ irq: false, ignne: true });
      device.ferr(false);
      expect(levels).toEqual({ irq: false, ignne: false });
    }
  });

  it('without FERR# a write asserts nothing', () => {
    const { levels, bus } = rig();
    bus.out(0xf0, 0);
    expect([levels, bus.in(0xf0)]).toEqual([{ irq: false, ignne: false }, 0xff]);
  });

  it('keeps its state in a snapshot', () => {
    const { device } = rig();
    device.ferr(true);
    const other = rig();
    other.device.load(device.save());
    other.bus.out(0xf0, 0);
    expect(other.levels.ignne).toBe(true);
  });
});
