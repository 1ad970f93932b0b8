import { describe, expect, it } from 'vitest';
import { Ide } from '../../../../emu/devices/ide/ide.ts';
import { Pci } from '../../../../emu/devices/pci.ts';
import { PortSpace } from '../../../../emu/devices/port-space.ts';
import { IrqSpy, TestClock } from '../board.ts';
import { BUS_MASTER, DRQ, damaged, disk, ERR, IDNF, READY, type Rig, rig, sector, UNC } from './rig.ts';

const ACTIVE = 1;
const INTERRUPT = 4;
const TO_MEMORY = 9; // RWCON and start
const FROM_MEMORY = 1;
const AT = 0x8000;

const sectors = (lba: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => sector(lba + i)).flat();

/** READ DMA of `count` sectors from `lba`, started and run until nothing happens. */
function read(r: Rig, lba: number, count: number): void {
  r.lba(lba, count);
  r.out(7, 0xc8);
  r.master8(TO_MEMORY);
  r.settle();
}

const memory = (r: Rig, at: number, length: number): number[] => [...r.memory.subarray(at, at + length)];

describe('the registers', () => {
  it('keep the bits that exist, by bytes, words and dwords', () => {
    const { space } = rig();
    space.writePort(BUS_MASTER + 4, 4, 0x12345677);
    expect(space.readPort(BUS_MASTER + 4, 4)).toBe(0x12345674);
    space.writePort(BUS_MASTER + 6, 1, 0xff);
    expect(space.readPort(BUS_MASTER + 4, 4)).toBe(0x12ff5674);
    space.writePort(BUS_MASTER + 2, 1, 0xff);
    expect(space.readPort(BUS_MASTER + 2, 1)).toBe(0x60);
    space.writePort(BUS_MASTER, 1, 0xfe);
    expect(space.readPort(BUS_MASTER, 4)).toBe(0x0060_0008);
    expect(space.readPort(BUS_MASTER + 8, 4)).toBe(0);
  });

  it('keep the direction while a transfer is active', () => {
    const r = rig();
    r.master8(TO_MEMORY);
    r.master8(1);
    expect([r.space.readPort(BUS_MASTER, 1), r.masterStatus()]).toEqual([9, ACTIVE]);
    r.master8(0);
    expect([r.space.readPort(BUS_MASTER, 1), r.masterStatus()]).toEqual([8, 0]);
  });
});

describe('a read', () => {
  it('goes to memory and ends with the interrupt and without activity', () => {
    const r = rig();
    r.table([AT, 4096]);
    read(r, 40, 8);
    expect(memory(r, AT, 4096)).toEqual(sectors(40, 8));
    expect([r.masterStatus(), r.status(), r.irq()]).toEqual([INTERRUPT, READY, true]);
    r.space.writePort(BUS_MASTER + 2, 1, INTERRUPT);
    expect(r.masterStatus()).toBe(0);
  });

  it('interrupts when the data are there, not before', () => {
    const r = rig();
    r.table([AT, 512]);
    r.lba(40, 1);
    r.out(7, 0xc8);
    r.master8(TO_MEMORY);
    while (!r.irq()) {
      expect([memory(r, AT, 4), r.masterStatus()]).toEqual([[0, 0, 0, 0], ACTIVE]);
      r.clock.runTo(r.clock.next());
    }
    expect(memory(r, AT, 512)).toEqual(sector(40));
  });

  it('is scattered over regions that end anywhere', () => {
    const r = rig();
    r.table([AT, 2], [AT + 0x1002, 510], [AT + 0x2000, 1022], [AT + 0x3000, 514]);
    read(r, 7, 4);
    const parts = [
      [0, 2],
      [0x1002, 510],
      [0x2000, 1022],
      [0x3000, 514],
    ].flatMap(([at, length]) => memory(r, AT + at, length));
    expect(parts).toEqual(sectors(7, 4));
    expect(r.masterStatus()).toBe(INTERRUPT);
  });

  it('ignores bit 0 of addresses and counts', () => {
    const r = rig();
    r.table([AT + 1, 513], [AT + 0x1000, 512]);
    read(r, 7, 2);
    expect([memory(r, AT, 512), memory(r, AT + 0x1000, 512)]).toEqual([sector(7), sector(8)]);
  });

  it('of 64 KiB by a count of 0, in more than one burst', () => {
    const r = rig();
    r.table([0x1_0000, 0x1_0000], [0x2_0000, 0x1_0000]);
    read(r, 100, 0);
    expect(memory(r, 0x1_0000, 0x2_0000)).toEqual(sectors(100, 256));
    expect(r.masterStatus()).toBe(INTERRUPT);
  });

  it('stays active when the table is longer than the transfer', () => {
    const r = rig();
    r.table([AT, 4096]);
    read(r, 40, 2);
    expect([r.masterStatus(), memory(r, AT + 1024, 1)]).toEqual([ACTIVE | INTERRUPT, [0]]);
    r.master8(8);
    expect(r.masterStatus()).toBe(INTERRUPT);
  });

  it('leaves the drive waiting without an interrupt when the table is shorter, until a new table comes', () => {
    const r = rig();
    r.table([AT, 700]);
    read(r, 40, 2);
    expect([r.masterStatus(), r.status(), r.irq()]).toEqual([0, READY | DRQ, false]);
    r.master8(8);
    r.table([AT + 700, 324]);
    r.master8(TO_MEMORY);
    r.settle();
    expect([r.masterStatus(), r.status(), r.irq()]).toEqual([INTERRUPT, READY, true]);
    expect(memory(r, AT, 1024)).toEqual(sectors(40, 2));
  });

  it('goes round in its 64 KiB when a region straddles a border', () => {
    const r = rig();
    r.table([0x1_ff00, 512]);
    read(r, 3, 1);
    expect([...memory(r, 0x1_ff00, 256), ...memory(r, 0x1_0000, 256)]).toEqual(sector(3));
    expect(memory(r, 0x2_0000, 1)).toEqual([0]);
  });

  it('may be started before the command, or stopped and lost', () => {
    const r = rig();
    r.table([AT, 512]);
    r.master8(TO_MEMORY);
    r.settle();
    expect(r.masterStatus()).toBe(ACTIVE);
    r.lba(9, 1);
    r.out(7, 0xc8);
    r.master8(8);
    r.settle();
    expect([r.masterStatus(), r.status(), memory(r, AT, 1)]).toEqual([0, READY | DRQ, [0]]);
    r.control(4);
    r.control(0);
    expect(r.ready()).toBe(READY);
  });

  it('does not move in the wrong direction', () => {
    const r = rig();
    r.table([AT, 512]);
    r.lba(9, 1);
    r.out(7, 0xc8);
    r.master8(FROM_MEMORY);
    r.settle();
    expect([r.masterStatus(), r.status(), memory(r, AT, 1)]).toEqual([ACTIVE, READY | DRQ, [0]]);
  });

  it('survives tables without sense: no end, outside RAM, past 4 GiB', () => {
    for (const table of [0x20_0000, 0x7fff_0000, 0xffff_fffc]) {
      const r = rig();
      r.space.writePort(BUS_MASTER + 4, 4, table);
      read(r, 0, 0);
      expect([r.masterStatus() & ~INTERRUPT, r.status() & ~DRQ]).toEqual([
        table === 0x20_0000 ? ACTIVE : 0,
        READY,
      ]);
    }
  });
});

describe('a write', () => {
  it('comes from memory, gathered, and is on the disk when it interrupts', () => {
    const r = rig();
    for (let i = 0; i < 0x2_0000; i++) r.memory[0x1_0000 + i] = i * 5 + (i >> 9);
    r.table([0x1_0000, 0x1_0000], [0x2_0000, 0x1_0000]);
    r.lba48(500, 256);
    r.out(7, 0x35);
    r.master8(FROM_MEMORY);
    r.settle();
    expect([r.masterStatus(), r.status(), r.irq()]).toEqual([INTERRUPT, READY, true]);
    r.in(7);
    r.master8(0);
    r.space.writePort(BUS_MASTER + 2, 1, INTERRUPT);
    const written = memory(r, 0x1_0000, 0x2_0000);
    r.memory.fill(0, 0x1_0000, 0x3_0000);
    read(r, 500, 0);
    expect(memory(r, 0x1_0000, 0x2_0000)).toEqual(written);
  });
});

describe('errors', () => {
  it('a bad address moves nothing and interrupts', () => {
    const r = rig();
    r.table([AT, 512]);
    read(r, 2016, 1);
    expect([r.masterStatus(), r.status(), r.in(1)]).toEqual([ACTIVE | INTERRUPT, READY | ERR, IDNF]);
  });

  it('a bad sector ends the transfer after the good ones', () => {
    const r = rig([damaged(disk(200), [70])]);
    r.table([0x1_0000, 0x1_0000]);
    read(r, 0, 100);
    expect([r.status(), r.in(1), r.in(3)]).toEqual([READY | ERR, UNC, 70]);
    expect(memory(r, 0x1_0000, 70 * 512)).toEqual(sectors(0, 70));
    expect(memory(r, 0x1_0000 + 70 * 512, 512)).toEqual(Array(512).fill(0));
  });
});

describe('the PCI function', () => {
  function behindPci() {
    const clock = new TestClock(250_000_000);
    const space = new PortSpace();
    const pci = new Pci(space);
    const memory = new Uint8Array(0x10000);
    const dma = {
      read: (at: number, into: Uint8Array) => into.set(memory.subarray(at, at + into.length)),
      write: (at: number, from: Uint8Array) => memory.set(from, at),
    };
    const irq = new IrqSpy(clock);
    const ide = new Ide({ clock, dma, irqs: [irq, new IrqSpy(clock)], disks: [disk(64)] });
    for (const range of [...pci.ports(), ...ide.ports()]) space.mapPorts(range);
    const pciFunction = pci.add(ide.pciFunction(1, BUS_MASTER));
    ide.attach(pciFunction);
    return { clock, space, memory, irq, pciFunction };
  }

  it('claims the ports of a channel while I/O space and the decode bit say so', () => {
    const { space, pciFunction } = behindPci();
    const status = () => space.readPort(0x1f7, 1);
    expect(status()).toBe(READY);
    pciFunction.write(0x41, 0x23);
    expect([status(), space.readPort(0x3f6, 1), space.readPort(0x1f0, 4)]).toEqual([0xff, 0xff, 0xffff_ffff]);
    expect(space.readPort(0x177, 1)).toBe(0x7f);
    pciFunction.write(0x41, 0xa3);
    pciFunction.write(0x04, 0x04);
    expect([status(), space.readPort(0x177, 1)]).toEqual([0xff, 0xff]);
  });

  it('does no DMA while bus mastering is off, and goes on when it is looked at again', () => {
    const { clock, space, memory, irq, pciFunction } = behindPci();
    pciFunction.write(0x04, 0x01);
    memory.set([0x00, 0x20, 0, 0, 0x00, 0x02, 0, 0x80], 0x100);
    space.writePort(BUS_MASTER + 4, 4, 0x100);
    for (const [register, value] of [
      [2, 1],
      [3, 5],
      [4, 0],
      [5, 0],
      [6, 0x40],
      [7, 0xc8],
    ])
      space.writePort(0x1f0 + register, 1, value);
    space.writePort(BUS_MASTER, 1, TO_MEMORY);
    clock.run(1e9);
    expect([irq.level, memory[0x2000]]).toEqual([false, 0]);
    pciFunction.write(0x04, 0x05);
    space.readPort(BUS_MASTER + 2, 1);
    clock.run(1e9);
    expect([irq.level, [...memory.subarray(0x2000, 0x2200)]]).toEqual([true, sector(5)]);
  });
});
