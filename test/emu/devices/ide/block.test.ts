import { describe, expect, it } from 'vitest';
import { MediumError, MemoryDisk, Overlay } from '../../../../emu/devices/ide/block.ts';
import { Ide } from '../../../../emu/devices/ide/ide.ts';
import { IrqSpy, TestClock } from '../board.ts';
import { disk, hugeDisk, sector } from './rig.ts';

describe('an overlay', () => {
  it('gives back what was written and leaves what is below alone', () => {
    const below = disk(20);
    const overlay = new Overlay(below);
    overlay.write(4, Uint8Array.from([...sector(100), ...sector(101)]));
    const read = new Uint8Array(5 * 512);
    overlay.read(3, read);
    expect([...read]).toEqual([3, 100, 101, 6, 7].flatMap(sector));
    below.read(3, read);
    expect([...read]).toEqual([3, 4, 5, 6, 7].flatMap(sector));
    expect(overlay.size).toBe(2);
  });

  it('keeps its own copy of the bytes', () => {
    const overlay = new Overlay(disk(4));
    const bytes = Uint8Array.from(sector(9));
    overlay.write(0, bytes);
    bytes.fill(0);
    const read = new Uint8Array(512);
    overlay.read(0, read);
    expect([...read]).toEqual(sector(9));
  });

  it('keeps only so much, and then fails as a medium does', () => {
    const overlay = new Overlay(disk(10), 2);
    const one = Uint8Array.from(sector(9));
    overlay.write(3, one);
    overlay.write(4, one);
    overlay.write(3, one);
    expect(() => overlay.write(5, one)).toThrow(MediumError);
    expect(overlay.size).toBe(2);
  });

  it('goes back to its snapshot', () => {
    const overlay = new Overlay(disk(4));
    overlay.write(1, Uint8Array.from(sector(50)));
    const saved = overlay.save();
    overlay.write(1, Uint8Array.from(sector(60)));
    overlay.write(2, Uint8Array.from(sector(61)));
    overlay.load(saved);
    const read = new Uint8Array(2 * 512);
    overlay.read(1, read);
    expect([...read]).toEqual([50, 2].flatMap(sector));
  });
});

it('refuses disks that cannot be', () => {
  for (const bytes of [0, 1, 511, 513])
    expect(() => new MemoryDisk(new Uint8Array(bytes))).toThrow(RangeError);
  const clock = new TestClock(1e6);
  const irqs = [new IrqSpy(), new IrqSpy()] as const;
  const dma = { read: () => {}, write: () => {} };
  for (const sectors of [0, -1, 1.5, 2 ** 48 + 1, Number.NaN])
    expect(() => new Ide({ clock, dma, irqs, disks: [hugeDisk(sectors)] })).toThrow(RangeError);
  expect(() => new Ide({ clock, dma, irqs, disks: Array(5).fill(disk(1)) })).toThrow(RangeError);
});
