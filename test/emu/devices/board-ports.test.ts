import { describe, expect, it } from 'vitest';
import { BoardPorts } from '../../../emu/devices/board-ports.ts';
import { ExitPort } from '../../../emu/devices/exit-port.ts';
import { PortSpace } from '../../../emu/devices/port-space.ts';
import { io } from './board.ts';

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

describe('small ports of the board', () => {
  it('the POST port keeps the last code', () => {
    const ports = new BoardPorts();
    const bus = io(ports);
    bus.out(0x80, 0x12, 0x34);
    expect([ports.postCode(), bus.in(0x80)]).toEqual([0x34, 0x34]);
  });

  it('the debug console sends bytes and says that it is there', () => {
    const sent: number[] = [];
    const bus = io(new BoardPorts({ onTransmit: byte => sent.push(byte) }));
    bus.out(0xe9, 0x6f, 0x6b);
    expect([sent, bus.in(0xe9)]).toEqual([[0x6f, 0x6b], 0xe9]);
  });

  it('port 0x92 gates A20, which is on from reset, and resets on the rise of bit 0', () => {
    let resets = 0;
    const ports = new BoardPorts({ onReset: () => resets++ });
    const bus = io(ports);
    expect([ports.a20(), bus.in(0x92)]).toEqual([true, 2]);
    bus.out(0x92, 0x00);
    expect([ports.a20(), resets]).toEqual([false, 0]);
    bus.out(0x92, 0x03, 0x03);
    expect([ports.a20(), resets]).toEqual([true, 1]);
  });

  it('come back from a saved state', () => {
    const one = new BoardPorts();
    io(one).out(0x92, 0x00);
    const other = new BoardPorts();
    other.load(one.save());
    expect(other.a20()).toBe(false);
  });
});
