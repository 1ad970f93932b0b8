/** Do loads, fetches, stores and streams cost what the rules in hierarchy.ts say? Figures are the profile's own. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Accounting, CAUSE, type CauseName } from '../../../emu/accounting.ts';
import { Hierarchy } from '../../../emu/mmu/hierarchy.ts';
import { p3 } from '../../../emu/profile/p3-1000.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import { State } from '../../../emu/state.ts';

let accounting: Accounting;
let h: Hierarchy;
const cycles = (cause: CauseName) => accounting.cell(0, CAUSE[cause]) / 4;

beforeEach(() => {
  accounting = new Accounting();
  h = new Hierarchy(p4, new State(1 << 20), accounting);
});

describe('loads', () => {
  it('pay memory’s random latency when cold, nothing when warm', () => {
    h.load(0x10000);
    expect(cycles('dataMemory')).toBe(350);
    h.load(0x10000);
    expect(accounting.time[0]).toBe(350 * 4);
  });

  it('pay L2’s latency for the other half of a 128-byte line, and after eviction from L1', () => {
    h.load(0x10000);
    h.load(0x10040);
    expect(cycles('dataL2')).toBe(16);
    // Four more lines of the same L1 set (8 KiB, 4 ways: 2 KiB apart) push the first one out.
    for (let n = 1; n <= 4; n++) h.load(0x10000 + n * 2048);
    const before = cycles('dataL2');
    h.load(0x10000);
    expect(cycles('dataL2') - before).toBe(16);
  });

  it('pay a line’s bandwidth, not its latency, when they follow a stream', () => {
    h.load(0x10000);
    h.load(0x10080);
    h.load(0x10100);
    expect(cycles('dataMemory')).toBe(350 + 110 + 110);
  });

  it('follow eight streams at once and forget the ninth', () => {
    for (let s = 0; s < 9; s++) h.load(0x100000 * (s + 1));
    const cold = cycles('dataMemory');
    expect(cold).toBe(9 * 350);
    h.load(0x100000 * 9 + 128);
    expect(cycles('dataMemory') - cold).toBe(110);
    h.load(0x100000 + 128);
    expect(cycles('dataMemory') - cold).toBe(110 + 350);
  });
});

describe('fetches', () => {
  it('have a cache of their own and share L2', () => {
    h.load(0x20000);
    h.fetch(0x20000);
    expect([cycles('fetchL2'), cycles('fetchMemory')]).toEqual([16, 0]);
    h.fetch(0x30000);
    expect(cycles('fetchMemory')).toBe(350);
  });
});

describe('stores', () => {
  it('cost nothing while the store buffer has room, even when they miss', () => {
    for (let n = 0; n < 24; n++) h.store(0x40000 + n * 0x1000);
    expect(accounting.time[0]).toBe(0);
  });

  it('wait for the oldest entry when it is full', () => {
    for (let n = 0; n < 25; n++) h.store(0x40000 + n * 0x1000);
    expect(cycles('storeBuffer')).toBe(350);
  });

  it('do not allocate in a write-through L1', () => {
    h.store(0x40000);
    expect(h.l1d.holds(0x40000 >>> 6)).toBe(false);
    expect(h.l2.holds(0x40000 >>> 7)).toBe(true);
  });

  it('dirty L2, so that a victim occupies the bus', () => {
    h.store(0x40000);
    expect(h.l2.occupancy()).toEqual({ lines: 1, dirty: 1 });
  });
});

describe('a write-back L1 whose lines are as long as L2’s', () => {
  it('puts a dirty victim into L2, not onto the bus', () => {
    h = new Hierarchy(p3, new State(1 << 20), accounting);
    const { size, ways } = p3.l1d;
    const apart = size.value / ways.value; // addresses of one set
    h.store(0x40000);
    const clean = h.l2.occupancy().dirty;
    for (let n = 1; n <= ways.value; n++) h.load(0x40000 + n * apart);
    expect(h.l1d.holds(0x40000 >>> 5)).toBe(false);
    expect([clean, h.l2.occupancy().dirty]).toEqual([0, 1]);
    // The bus is free as soon as the last load's line is there.
    const before = accounting.time[0];
    h.load(0x100000);
    expect(accounting.time[0] - before).toBe(p3.memory.random.value * 4);
  });
});

describe('DMA', () => {
  it('makes received data cold', () => {
    h.load(0x50000);
    h.invalidate(0x50000, 1500);
    const before = cycles('dataMemory');
    h.load(0x50000);
    expect(cycles('dataMemory') - before).toBe(350);
  });

  it('cleans what it reads and leaves it cached', () => {
    h.store(0x50000);
    h.clean(0x50000, 64);
    expect(h.l2.occupancy()).toEqual({ lines: 1, dirty: 0 });
  });
});

it('charges everything to the cause that was asked for during a walk', () => {
  h.chargeTo(CAUSE.walk);
  h.load(0x1000);
  h.chargeNormally();
  expect([cycles('walk'), cycles('dataMemory')]).toEqual([350, 0]);
});
