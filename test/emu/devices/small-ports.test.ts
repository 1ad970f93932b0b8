import { describe, expect, it } from 'vitest';
import { DebugConsole } from '../../../emu/devices/debug-console.ts';
import { ExitPort } from '../../../emu/devices/exit-port.ts';
import { Parallel } from '../../../emu/devices/parallel.ts';
import { PortSpace } from '../../../emu/devices/port-space.ts';
import { SystemControl } from '../../../emu/devices/system-control.ts';
import { IrqSpy, io, TestClock } from './board.ts';

describe('the exit port', () => {
  it('hands on the value written, whatever its size, and reads ones', () => {
    const exits: number[] = [];
    const space = new PortSpace();
    for (const range of new ExitPort(value => exits.push(value)).ports()) space.mapPorts(range);
    space.writePort(0xf4, 1, 0);
    space.writePort(0xf4, 2, 0x1ff);
    space.writePort(0xf4, 4, 0xffff_ffff);
    space.writePort(0xf5, 1, 7); // not the exit code
    expect(exits).toEqual([0, 0x1ff, 0xffff_ffff]);
    expect(space.readPort(0xf4, 4)).toBe(0xffff_ffff);
  });
});

describe('the debug console', () => {
  it('sends bytes and says that it is there', () => {
    const sent: number[] = [];
    const bus = io(new DebugConsole(byte => sent.push(byte)));
    bus.out(0xe9, 0x6f, 0x6b);
    expect([sent, bus.in(0xe9)]).toEqual([[0x6f, 0x6b], 0xe9]);
  });
});

describe('port 0x92', () => {
  it('gates A20, which is on from the start, and resets on the rise of bit 0', () => {
    let resets = 0;
    const a20: boolean[] = [];
    const control = new SystemControl({ onA20: on => a20.push(on), onReset: () => resets++ });
    const bus = io(control);
    expect([control.a20(), bus.in(0x92)]).toEqual([true, 2]);
    bus.out(0x92, 0x00, 0x00);
    expect([a20, resets]).toEqual([[false], 0]);
    bus.out(0x92, 0x03, 0x03);
    expect([a20, resets]).toEqual([[false, true], 1]);
    bus.out(0x92, 0xfc);
    expect([bus.in(0x92), a20]).toEqual([0, [false, true, false]]);
  });

  it('comes back from a saved state', () => {
    const one = new SystemControl();
    io(one).out(0x92, 0x00);
    const other = new SystemControl();
    other.load(one.save());
    expect(other.a20()).toBe(false);
  });
});

const HZ = 1_000_000_000;
const TICKS_PER_US = 4000;

function printer() {
  const clock = new TestClock(HZ);
  const irq = new IrqSpy(clock);
  const bytes: number[] = [];
  const port = new Parallel(clock, { base: 0x378, irq, onByte: byte => bytes.push(byte) });
  return { clock, irq, bytes, port, bus: io(port) };
}

describe('the parallel port', () => {
  it('hands over a byte with each strobe, and only then', () => {
    const { clock, bytes, bus } = printer();
    bus.out(0x378, 0x41);
    expect(bytes).toEqual([]);
    bus.out(0x37a, 0x0d, 0x0d, 0x0c);
    expect([bytes, bus.in(0x378)]).toEqual([[0x41], 0x41]);
    bus.out(0x378, 0x42);
    bus.out(0x37a, 0x0d, 0x0c);
    expect(bytes).toEqual([0x41, 0x42]);
    clock.run(20 * TICKS_PER_US);
    bus.out(0x37a, 0x0d);
    expect(bytes).toEqual([0x41, 0x42, 0x42]);
  });

  it('is ready, then busy, acknowledges, and is ready again', () => {
    const { clock, bus } = printer();
    expect(bus.in(0x379)).toBe(0xd8);
    bus.out(0x37a, 0x0d, 0x0c);
    expect(bus.in(0x379)).toBe(0x58);
    clock.run(11 * TICKS_PER_US);
    expect(bus.in(0x379)).toBe(0x18);
    clock.run(5 * TICKS_PER_US);
    expect(bus.in(0x379)).toBe(0xd8);
  });

  it('interrupts at the end of the acknowledge when the control register lets it', () => {
    const { clock, irq, bus } = printer();
    bus.out(0x37a, 0x0d, 0x0c);
    clock.run(20 * TICKS_PER_US);
    expect(irq.rises()).toEqual([]);
    bus.out(0x37a, 0x1d, 0x1c);
    clock.run(20 * TICKS_PER_US);
    expect(irq.rises()).toEqual([(20 + 15) * TICKS_PER_US]);
  });

  it('comes back from a saved state', () => {
    const one = printer();
    one.bus.out(0x378, 0x55);
    one.bus.out(0x37a, 0x0d);
    const other = printer();
    other.port.load(one.port.save());
    expect([other.bus.in(0x378), other.bus.in(0x379), other.bus.in(0x37a)]).toEqual([0x55, 0x58, 0xcd]);
  });
});
