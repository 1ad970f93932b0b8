/** What a disk costs: the data sheet's figures come out of whole commands. A tick of the rig is a nanosecond. */
import { describe, expect, it } from 'vitest';
import { DESKSTAR_120GXP, PIIX3_DMA_RATE } from '../../../../emu/devices/ide/timing.ts';
import { hugeDisk, type Rig, rig } from './rig.ts';

const MS = 1e6;
const REVOLUTION = 60_000 / 7200; // ms
const TRACK = DESKSTAR_120GXP.sectorsPerTrack.value;
const ALL = DESKSTAR_120GXP.sectors.value;
const disks = () => rig([hugeDisk(ALL)]);

/** Milliseconds from a READ SECTORS of one sector to its DRQ; takes the data. */
function read(r: Rig, lba: number): number {
  const from = r.clock.now();
  r.lba(lba, 1);
  r.command(0x20);
  const took = r.clock.now() - from;
  r.data();
  return took / MS;
}

/** Milliseconds that a WRITE SECTORS of one sector takes, to its end. */
function write(r: Rig, lba: number): number {
  const from = r.clock.now();
  r.lba(lba, 1);
  r.command(0x30);
  r.send(Array(512).fill(1));
  r.ready();
  return (r.clock.now() - from) / MS;
}

/** Milliseconds of a command without data. */
function plain(r: Rig, code: number): number {
  const from = r.clock.now();
  r.command(code);
  return (r.clock.now() - from) / MS;
}

/** Repeatable numbers below `n`. */
function random(): (n: number) => number {
  let x = 12345;
  return n => {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    return Math.floor((x / 2 ** 32) * n);
  };
}

describe('seeks', () => {
  const seek = (r: Rig, lba: number) => {
    r.lba(lba, 1);
    return plain(r, 0x70);
  };

  it('take the single, average and full figures of the drive', () => {
    const r = disks();
    const cylinder = 2 * TRACK;
    expect(seek(r, 0)).toBe(0);
    expect(seek(r, cylinder)).toBeCloseTo(1.8, 1);
    seek(r, 0);
    expect(seek(r, Math.floor(ALL / 3))).toBeCloseTo(8.5, 1);
    seek(r, 0);
    expect(seek(r, ALL - 1)).toBeCloseTo(14.7, 1);
  });

  it('at random average what the data sheet says, with half a revolution and the overhead on top', () => {
    const r = disks();
    const next = random();
    const times = Array.from({ length: 400 }, () => read(r, next(ALL)));
    const mean = times.reduce((a, b) => a + b) / times.length;
    const expected = 0.3 + 8.5 + REVOLUTION / 2;
    expect(Math.abs(mean / expected - 1)).toBeLessThan(0.04);
    expect(Math.min(...times)).toBeGreaterThan(0.3);
    expect(Math.max(...times)).toBeLessThan(0.3 + 14.7 + REVOLUTION + 0.1);
  });

  it('are not what a small image costs: it lies at the beginning of the drive', () => {
    const r = rig([hugeDisk(20_000)]);
    const next = random();
    const times = Array.from({ length: 100 }, () => read(r, next(20_000)));
    expect(Math.max(...times)).toBeLessThan(0.3 + 2.5 + REVOLUTION + 0.1);
  });
});

describe('the buffer', () => {
  it('makes the next sectors a hit, and a repeated read too', () => {
    const r = disks();
    expect(read(r, 1000)).toBeGreaterThan(0.3);
    r.clock.run(5 * MS);
    for (const lba of [1001, 1002, 1100, 1000]) expect(read(r, lba)).toBeCloseTo(0.1, 6);
  });

  it('gives a host that keeps up the media rate', () => {
    const r = disks();
    const sectors = 4 * TRACK;
    read(r, 0);
    const from = r.clock.now();
    r.lba(1, 0);
    for (let lba = 1; lba < sectors; lba += 16) {
      r.lba(lba, 16);
      r.out(7, 0x20);
      for (let n = 0; n < 16; n++) {
        r.ready();
        r.data();
      }
    }
    const perTrack = REVOLUTION + 1.4;
    const took = (r.clock.now() - from) / MS;
    expect(Math.abs(took / (4 * perTrack) - 1)).toBeLessThan(0.15);
  });

  it('holds no more than it has, and look-ahead can be turned off', () => {
    const r = disks();
    read(r, 0);
    r.clock.run(1000 * MS);
    expect(read(r, 2000)).toBeCloseTo(0.1, 6);
    const far = disks();
    read(far, 0);
    far.clock.run(1000 * MS);
    expect(read(far, 2200)).toBeGreaterThan(0.3);
    far.feature(0x55);
    read(far, 5000);
    far.clock.run(1 * MS);
    expect(read(far, 5001)).toBeGreaterThan(0.5);
  });

  it('is not used for sectors that were written since', () => {
    const r = disks();
    read(r, 1000);
    r.clock.run(5 * MS);
    write(r, 1001);
    expect(read(r, 1001)).toBeGreaterThan(0.3);
  });
});

describe('writes', () => {
  it('end in the buffer; a flush waits for the medium', () => {
    const r = disks();
    expect(write(r, ALL - 1)).toBeLessThan(0.1);
    expect(plain(r, 0xe7)).toBeGreaterThan(14);
    expect(plain(r, 0xe7)).toBeCloseTo(0.1, 6);
  });

  it('without the cache wait for the medium, and one after the other for a revolution', () => {
    const r = disks();
    r.feature(0x82);
    write(r, 100);
    r.clock.run(1 * MS);
    const second = write(r, 101);
    expect(second).toBeGreaterThan(REVOLUTION - 1.1);
    expect(second).toBeLessThan(REVOLUTION + 0.1);
  });

  it('fill the buffer and then go at the pace of the medium', () => {
    const r = disks();
    const next = random();
    const from = r.clock.now();
    const times = Array.from({ length: 60 }, () => write(r, next(ALL)));
    const all = (r.clock.now() - from) / MS;
    expect(times.filter(t => t < 1).length).toBeGreaterThan(2);
    expect(times.filter(t => t > 5).length).toBeGreaterThan(30);
    expect(all).toBeGreaterThan(500);
  });

  it('delay a read that comes behind them', () => {
    const r = disks();
    write(r, ALL - 1);
    expect(read(r, 0)).toBeGreaterThan(20);
  });
});

describe('DMA', () => {
  /** Milliseconds of a READ DMA of 128 sectors that are in the buffer, after `mode` was selected. */
  function burst(mode: number): number {
    const r = disks();
    r.feature(3, mode);
    read(r, 1000);
    r.clock.run(20 * MS);
    r.table([0x1_0000, 0x1_0000]);
    r.lba(1001, 128);
    r.in(7);
    const from = r.clock.now();
    r.out(7, 0xc8);
    r.master8(9);
    while (!r.irq()) r.clock.runTo(r.clock.next());
    return (r.clock.now() - from) / MS - 0.1;
  }

  it.each([
    [0x20, 2 / 480e-9],
    [0x21, 2 / 150e-9],
    [0x22, 2 / 120e-9],
    [0x45, PIIX3_DMA_RATE],
  ])("in mode 0x%s goes at its rate, up to the host chip's", (mode, rate) => {
    const expected = (65536 / rate) * 1e3;
    expect(Math.abs(burst(mode) / expected - 1)).toBeLessThan(0.01);
  });
});

it('is the same every time, also from a snapshot in the middle of a transfer', () => {
  const run = (hop: boolean): [number, number[]] => {
    let r = disks();
    r.table([0x1_0000, 0x1_0000]);
    read(r, 5000);
    write(r, 900_000);
    r.space.writePort(0xc082, 1, 4);
    r.lba(700_000, 100);
    r.out(7, 0xc8);
    r.master8(9);
    r.clock.runTo(r.clock.next());
    if (hop) {
      const saved = structuredClone({ ide: r.ide.save(), events: r.clock.save(), memory: r.memory });
      const now = r.clock.now();
      r = disks();
      r.clock.jump(now);
      r.ide.load(saved.ide);
      r.clock.load(saved.events);
      r.memory.set(saved.memory);
    }
    while ((r.space.readPort(0xc082, 1) & 4) === 0) r.clock.runTo(r.clock.next());
    return [r.clock.now(), [...r.memory.subarray(0x1_0000, 0x1_0000 + 51200)]];
  };
  const [at, bytes] = run(false);
  expect(run(true)).toEqual([at, bytes]);
  expect(bytes.some(b => b !== 0)).toBe(true);
});
