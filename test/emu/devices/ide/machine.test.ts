/** The controller in its place: what a bus scan finds, a disk through the machine's ports, and whole snapshots. */
import { describe, expect, it } from 'vitest';
import { Overlay } from '../../../../emu/devices/ide/block.ts';
import { Machine } from '../../../../emu/machine.ts';
import { profiles } from '../../../../emu/profile/index.ts';
import { DRQ, disk, READY, type Rig, rig, sector } from './rig.ts';

function machine(disks: Overlay[]): Machine {
  return new Machine({ profile: profiles.flat, memoryBytes: 1 << 20, cards: 2, disks });
}

describe('the PCI bus', () => {
  const { space } = machine([]);
  const config = (fn: number, register: number): number => {
    space.writePort(0xcf8, 4, 0x8000_0800 + (fn << 8) + register);
    return space.readPort(0xcfc, 4);
  };

  it('has the bridge and the IDE function at device 1', () => {
    expect([config(0, 0), config(0, 8) >>> 8, (config(0, 12) >>> 16) & 0xff]).toEqual([
      0x7000_8086, 0x060100, 0x80,
    ]);
    expect([config(1, 0), config(1, 8) >>> 8, config(1, 0x20), config(1, 4) & 7]).toEqual([
      0x7010_8086, 0x010180, 0xc081, 5,
    ]);
    expect(config(2, 0)).toBe(0xffff_ffff);
  });

  it('keeps the interrupt routing as written, which begins as the cards are wired', () => {
    expect(config(0, 0x60)).toBe(0x0a0b_8080);
    space.writePort(0xcfc, 4, 0xffff_ffff);
    expect(config(0, 0x60)).toBe(0x8f8f_8f8f);
  });
});

/** IN and OUT of a machine as the rig does them; time passes in HLT. */
function hands(m: Machine): { read(lba: number): number[]; write(lba: number, bytes: number[]): void } {
  const { space } = m;
  const wait = () => {
    while (space.readPort(0x3f6, 1) & 0x80) {
      m.accounting.time[0] = m.clock.next();
      m.clock.runDue();
    }
  };
  const begin = (lba: number, code: number) => {
    space.writePort(0x1f2, 4, 1 | (lba << 8));
    space.writePort(0x1f6, 1, 0x40);
    space.writePort(0x1f7, 1, code);
    wait();
    expect(space.readPort(0x1f7, 1)).toBe(READY | DRQ);
  };
  return {
    read(lba) {
      begin(lba, 0x20);
      const words = Array.from({ length: 256 }, () => space.readPort(0x1f0, 2));
      return words.flatMap(w => [w & 0xff, w >> 8]);
    },
    write(lba, bytes) {
      begin(lba, 0x30);
      for (let i = 0; i < 512; i += 2) space.writePort(0x1f0, 2, bytes[i] | (bytes[i + 1] << 8));
      wait();
    },
  };
}

it('a snapshot takes the overlay with it', () => {
  const below = disk(100);
  const one = machine([new Overlay(below)]);
  hands(one).write(5, sector(70));
  const snapshot = one.snapshot();
  hands(one).write(5, sector(71));
  one.restore(snapshot);
  expect(hands(one).read(5)).toEqual(sector(70));
  const two = machine([new Overlay(below)]);
  two.restore(snapshot);
  expect(hands(two).read(5)).toEqual(sector(70));
  expect(two.pic.view().slave.irr & 0x40).toBe(0);
});

it('random accesses neither throw nor hang, and the drive still works after a reset', () => {
  const r: Rig = rig([disk(200), disk(64), null, disk(64)]);
  let x = 99;
  const next = (n: number) => {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    return Math.floor((x / 2 ** 32) * n);
  };
  r.memory.forEach((_, i) => {
    if (i < 0x4000) r.memory[i] = next(256);
  });
  const ports = [0x1f0, 0x170, 0x3f6, 0x376, 0xc080];
  const commands = [0x20, 0x30, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0x25, 0x35, 0xec, 0xef, 0x91, 0x90, 0xe8, 0x42];
  for (let i = 0; i < 40_000; i++) {
    const base = ports[next(5)];
    const port = base + next(base === 0xc080 ? 13 : base > 0x300 ? 1 : 8);
    const size = [1, 2, 4][next(3)] as 1 | 2 | 4;
    if (next(3)) r.space.writePort(port, size, next(4) ? next(32) : next(2 ** 32));
    else expect(r.space.readPort(port, size)).toBeGreaterThanOrEqual(0);
    if (next(4) === 0) r.space.writePort(next(2) ? 0x1f7 : 0x177, 1, commands[next(commands.length)]);
    if (next(8) === 0) r.clock.run(next(20_000_000));
    if (next(64) === 0) r.settle();
  }
  for (const base of [0x1f0, 0x170]) {
    r.base = base;
    r.control(6);
    r.control(0);
    r.settle();
  }
  r.base = 0x1f0;
  expect([r.status(), r.in(1)]).toEqual([READY, 1]);
  expect(r.identify()[60]).toBe(200);
  expect(r.notices).toEqual([]);
});
