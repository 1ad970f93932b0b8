import { beforeEach, describe, expect, it } from 'vitest';
import { LocalApic } from '../../../../emu/devices/apic/local-apic.ts';
import { type ApicMessage, DELIVERY } from '../../../../emu/devices/apic/message.ts';
import { TestClock } from '../board.ts';

const ID = 0x20;
const TPR = 0x80;
const APR = 0x90;
const PPR = 0xa0;
const EOI = 0xb0;
const LDR = 0xd0;
const DFR = 0xe0;
const SVR = 0xf0;
const ISR = 0x100;
const TMR = 0x180;
const IRR = 0x200;
const ESR = 0x280;
const ICR = 0x300;
const ICR_HIGH = 0x310;
const LVT_TIMER = 0x320;
const LVT_LINT0 = 0x350;
const LVT_LINT1 = 0x360;
const LVT_ERROR = 0x370;
const INITIAL = 0x380;
const CURRENT = 0x390;
const DIVIDE = 0x3e0;
const MASKED = 0x1_0000;
const PERIODIC = 0x2_0000;
const LEVEL = 0x8000;
const SELF = 0x4_0000;

/** Four ticks of the machine to a bus clock. */
const HZ = 100e6;
const BUS = 4;

let clock: TestClock;
let apic: LocalApic;
let nmis: number;
let inits: number;
let ends: number[];
let ready: number;
let pic: { on: boolean; acknowledged: number };

beforeEach(() => {
  clock = new TestClock(HZ);
  nmis = inits = ready = 0;
  ends = [];
  pic = { on: false, acknowledged: 0 };
  apic = new LocalApic({
    clock,
    busHz: HZ,
    pic: {
      intr: () => pic.on,
      acknowledge: () => {
        pic.acknowledged++;
        return 0x20;
      },
    },
    onNmi: () => nmis++,
    onInit: () => inits++,
    onEoi: vector => ends.push(vector),
    onReady: () => ready++,
  });
});

const read = (offset: number) => apic.readMmio(offset, 4);
const write = (offset: number, value: number) => apic.writeMmio(offset, 4, value);
const enable = () => write(SVR, 0x1ff);
const message = (m: Partial<ApicMessage> = {}): ApicMessage => ({
  destination: 0,
  logical: false,
  mode: DELIVERY.fixed,
  vector: 0x51,
  level: false,
  ...m,
});

describe('reset', () => {
  it('leaves what the manual says (8.4.7.1)', () => {
    const values: [number, number][] = [
      [ID, 0],
      [0x30, 0x0005_0014],
      [TPR, 0],
      [LDR, 0],
      [DFR, 0xffff_ffff],
      [SVR, 0xff],
      [ESR, 0],
      [ICR, 0],
      [INITIAL, 0],
      [CURRENT, 0],
      [DIVIDE, 0],
    ];
    for (const [offset, value] of values) expect(read(offset)).toBe(value);
    for (let n = LVT_TIMER; n <= LVT_ERROR; n += 16) expect(read(n)).toBe(MASKED);
    expect(apic.base()).toEqual({ lo: 0xfee0_0900 | 0, hi: 0 });
  });

  it('lets the 8259 through until software touches the APIC', () => {
    pic.on = true;
    expect(apic.intr()).toBe(true);
    expect(apic.acknowledge()).toBe(0x20);
    enable();
    expect(apic.intr()).toBe(false);
    write(LVT_LINT0, 0x700);
    expect(apic.intr()).toBe(true);
    apic.setBase(0xfee0_0000 | 0, 0);
    expect(apic.intr()).toBe(true);
  });

  it('INIT keeps the ID', () => {
    enable();
    write(ID, 0x0300_0000);
    write(TPR, 0x40);
    write(ICR, 0x4500);
    expect(inits).toBe(0); // to ID 0, which is not ours any more
    write(ICR_HIGH, 0x0300_0000);
    write(ICR, 0x4500);
    expect([inits, read(ID), read(TPR), read(SVR)]).toEqual([1, 0x0300_0000, 0, 0xff]);
  });
});

describe('registers', () => {
  it('keep the bits that they have', () => {
    enable();
    const writable: [number, number][] = [
      [ID, 0xff00_0000],
      [TPR, 0xff],
      [LDR, 0xff00_0000],
      [SVR, 0x3ff],
      [ICR_HIGH, 0xff00_0000],
      [LVT_TIMER, 0x3_00ff],
      [0x330, 0x1_07ff],
      [0x340, 0x1_07ff],
      [LVT_LINT0, 0x1_a7ff],
      [LVT_LINT1, 0x1_a7ff],
      [LVT_ERROR, 0x1_00ff],
      [DIVIDE, 0xb],
    ];
    for (const [offset, mask] of writable) {
      write(offset, 0xffff_ffff);
      expect(read(offset)).toBe(mask);
    }
  });

  it('give their bytes to small reads and ignore small writes', () => {
    write(LDR, 0x1234_5678);
    expect([apic.readMmio(LDR + 3, 1), apic.readMmio(LDR + 2, 2)]).toEqual([0x12, 0x1200]);
    apic.writeMmio(TPR, 1, 0x55);
    apic.writeMmio(TPR + 4, 4, 0x55);
    expect(read(TPR)).toBe(0);
    expect(apic.readMmio(DFR + 4, 4)).toBe(0);
  });

  it('that do not exist are errors, told by ESR after a write to it', () => {
    enable();
    write(LVT_ERROR, 0xe0);
    expect(read(0x40)).toBe(0);
    expect(read(ESR)).toBe(0);
    write(ESR, 0);
    expect(read(ESR)).toBe(0x80);
    write(ESR, 0);
    expect(read(ESR)).toBe(0);
    expect(apic.acknowledge()).toBe(0xe0);
    write(0x30, 0); // read-only: no error
    write(ESR, 0);
    expect(read(ESR)).toBe(0);
  });
});

describe('acceptance and priorities', () => {
  beforeEach(enable);

  it('takes the highest vector first, and each once', () => {
    for (const vector of [0x51, 0xfe, 0x10, 0x51]) apic.receive(message({ vector }));
    expect([read(IRR), read(IRR + 0x20), read(IRR + 0x70)]).toEqual([0x1_0000, 0x2_0000, 0x4000_0000]);
    const taken: number[] = [];
    for (; apic.intr(); write(EOI, 0)) taken.push(apic.acknowledge());
    expect(taken).toEqual([0xfe, 0x51, 0x10]);
  });

  it('holds a class that is not above PPR', () => {
    apic.receive(message({ vector: 0x51 }));
    apic.acknowledge();
    expect([read(PPR), read(ISR + 0x20)]).toEqual([0x50, 0x2_0000]);
    apic.receive(message({ vector: 0x5f }));
    expect(apic.intr()).toBe(false);
    apic.receive(message({ vector: 0x60 }));
    expect(apic.acknowledge()).toBe(0x60);
    write(EOI, 0);
    write(EOI, 0);
    expect(apic.acknowledge()).toBe(0x5f);
  });

  it('TPR 10h to FFh blocks its class and those below', () => {
    apic.receive(message({ vector: 0x51 }));
    for (const [tpr, intr] of [
      [0x4f, true],
      [0x50, false],
      [0xff, false],
      [0, true],
    ] as const) {
      write(TPR, tpr);
      expect([apic.intr(), read(PPR)]).toEqual([intr, tpr]);
    }
    write(TPR, 0x23);
    expect(read(APR)).toBe(0x50);
    write(TPR, 0x53);
    expect(read(APR)).toBe(0x53);
  });

  it('the 8259 comes behind, whatever TPR says', () => {
    write(LVT_LINT0, 0x700);
    write(TPR, 0xff);
    apic.receive(message({ vector: 0x51 }));
    pic.on = true;
    expect(apic.acknowledge()).toBe(0x20);
    write(TPR, 0);
    expect([apic.acknowledge(), apic.acknowledge()]).toEqual([0x51, 0x20]);
  });

  it('waits with what it has, and accepts nothing, while disabled by software', () => {
    apic.receive(message({ vector: 0x51 }));
    write(LVT_LINT0, 0x700);
    write(SVR, 0xff);
    expect([apic.intr(), read(LVT_LINT0)]).toEqual([false, MASKED | 0x700]);
    write(LVT_LINT0, 0x700);
    expect(read(LVT_LINT0)).toBe(MASKED | 0x700);
    expect(apic.receive(message({ vector: 0x61 }))).toBe(false);
    expect(apic.receive(message({ mode: DELIVERY.nmi }))).toBe(true);
    const before = ready;
    enable();
    expect([apic.acknowledge(), apic.intr(), nmis, ready - before]).toEqual([0x51, false, 1, 1]);
    expect(read(LVT_LINT0)).toBe(MASKED | 0x700);
  });

  it('EOI of a level goes on to the I/O APIC, of an edge not', () => {
    apic.receive(message({ vector: 0x61, level: true }));
    apic.receive(message({ vector: 0x51 }));
    expect(read(TMR + 0x30)).toBe(2);
    for (let n = 0; n < 2; n++) {
      apic.acknowledge();
      write(EOI, 0);
    }
    write(EOI, 0);
    expect(ends).toEqual([0x61]);
  });

  it('a vector below 16 is an error', () => {
    apic.receive(message({ vector: 15 }));
    write(ESR, 0);
    expect([apic.intr(), read(ESR)]).toEqual([false, 0x40]);
    write(ICR, SELF | 5);
    write(ESR, 0);
    expect([apic.intr(), read(ESR)]).toEqual([false, 0x20]);
    write(LVT_ERROR, 7); // its own vector is as bad: no end of errors
    write(ICR, SELF | 5);
    write(ESR, 0);
    expect(read(ESR)).toBe(0x60);
  });
});

describe('destinations', () => {
  it.each([
    ['physical, ours', 5, false, 0xf, 0, true],
    ['physical, another', 4, false, 0xf, 0, false],
    ['broadcast', 0xff, false, 0xf, 0, true],
    ['flat, a common bit', 0x06, true, 0xf, 0x04, true],
    ['flat, none', 0xfb, true, 0xf, 0x04, false],
    ['cluster', 0x36, true, 0, 0x32, true],
    ['cluster, another bit', 0x3d, true, 0, 0x32, false],
    ['another cluster', 0x22, true, 0, 0x32, false],
    ['all clusters', 0xff, true, 0, 0x32, true],
  ])('%s', (_, destination, logical, model, ldr, mine) => {
    enable();
    write(ID, 5 << 24);
    write(DFR, (model << 28) >>> 0);
    write(LDR, ldr << 24);
    expect(apic.receive(message({ destination, logical }))).toBe(mine);
    expect(apic.intr()).toBe(mine);
  });

  it('a disabled APIC takes nothing', () => {
    apic.setBase(0xfee0_0000 | 0, 0);
    expect(apic.receive(message({ mode: DELIVERY.nmi }))).toBe(false);
    expect(nmis).toBe(0);
  });
});

describe('the timer', () => {
  beforeEach(enable);

  it('counts bus clocks down to 0 and stays there', () => {
    write(DIVIDE, 0xb);
    write(LVT_TIMER, 0x31);
    write(INITIAL, 1000);
    clock.run(999 * BUS);
    expect([read(CURRENT), apic.intr()]).toEqual([1, false]);
    clock.run(BUS);
    expect([read(CURRENT), apic.acknowledge()]).toEqual([0, 0x31]);
    write(EOI, 0);
    clock.run(5000 * BUS);
    expect([read(CURRENT), apic.intr()]).toEqual([0, false]);
  });

  it.each([
    [0b0000, 2],
    [0b0001, 4],
    [0b0010, 8],
    [0b0011, 16],
    [0b1000, 32],
    [0b1001, 64],
    [0b1010, 128],
    [0b1011, 1],
  ])('divides by configuration %s', (configuration, divisor) => {
    write(DIVIDE, configuration);
    write(INITIAL, 100);
    clock.run(10 * divisor * BUS);
    expect(read(CURRENT)).toBe(90);
    clock.run(divisor * BUS - 1);
    expect(read(CURRENT)).toBe(90);
    clock.run(1);
    expect(read(CURRENT)).toBe(89);
  });

  it('is periodic without drift', () => {
    write(DIVIDE, 0xb);
    write(LVT_TIMER, PERIODIC | 0x31);
    write(INITIAL, 7);
    let count = 0;
    for (let n = 0; n < 100; n++) {
      clock.run(7 * BUS);
      if (apic.intr()) count++;
      apic.acknowledge();
      write(EOI, 0);
    }
    expect([count, read(CURRENT)]).toEqual([100, 7]);
  });

  it('makes one interrupt of the periods that pass while nobody looks', () => {
    write(DIVIDE, 0xb);
    write(LVT_TIMER, PERIODIC | 0x31);
    write(INITIAL, 10);
    clock.jump(35 * BUS);
    expect(read(CURRENT)).toBe(5);
    clock.runDue();
    expect([apic.acknowledge(), apic.intr(), read(CURRENT)]).toEqual([0x31, false, 5]);
    clock.run(5 * BUS);
    expect(read(CURRENT)).toBe(10);
  });

  it('goes on counting while masked', () => {
    write(DIVIDE, 0xb);
    write(INITIAL, 100);
    clock.run(50 * BUS);
    expect(read(CURRENT)).toBe(50);
    clock.run(50 * BUS);
    expect([read(CURRENT), apic.intr()]).toEqual([0, false]);
  });

  it('stops with a count of 0, and takes another divisor on the way', () => {
    write(DIVIDE, 0xb);
    write(LVT_TIMER, 0x31);
    write(INITIAL, 100);
    clock.run(40 * BUS);
    write(DIVIDE, 0);
    clock.run(40 * BUS);
    expect(read(CURRENT)).toBe(40);
    write(INITIAL, 0);
    clock.run(1000 * BUS);
    expect([read(CURRENT), apic.intr()]).toEqual([0, false]);
  });
});

describe('LINT0 and LINT1', () => {
  beforeEach(enable);

  it('an edge is one interrupt, active low the other edge', () => {
    write(LVT_LINT0, 0x45);
    apic.lint0.set(true);
    apic.lint0.set(true);
    expect(apic.acknowledge()).toBe(0x45);
    write(EOI, 0);
    apic.lint0.set(false);
    expect(apic.intr()).toBe(false);
    write(LVT_LINT0, 0x2046);
    apic.lint0.set(true);
    expect(apic.intr()).toBe(false);
    apic.lint0.set(false);
    expect(apic.acknowledge()).toBe(0x46);
  });

  it('a level asks again after its EOI, and shows remote IRR', () => {
    apic.lint1.set(true);
    write(LVT_LINT1, LEVEL | 0x45);
    expect([apic.acknowledge(), read(LVT_LINT1)]).toEqual([0x45, LEVEL | 0x4000 | 0x45]);
    write(EOI, 0);
    expect(apic.acknowledge()).toBe(0x45);
    apic.lint1.set(false);
    write(EOI, 0);
    expect([apic.intr(), read(LVT_LINT1)]).toEqual([false, LEVEL | 0x45]);
  });

  it('NMI is an edge whatever the trigger mode; INIT too', () => {
    write(LVT_LINT0, LEVEL | 0x400);
    expect(apic.lint0MayWake()).toBe(true);
    apic.lint0.set(true);
    apic.lint0.set(false);
    apic.lint0.set(true);
    expect(nmis).toBe(2);
    write(LVT_LINT0, MASKED | 0x400);
    expect(apic.lint0MayWake()).toBe(false);
    apic.lint0.set(false);
    apic.lint0.set(true);
    write(LVT_LINT1, 0x500);
    apic.lint1.set(true);
    expect([nmis, inits]).toEqual([2, 1]);
  });

  it('LINT1 is NMI while the APIC is disabled', () => {
    apic.setBase(0xfee0_0000 | 0, 0);
    apic.lint1.set(true);
    expect(nmis).toBe(1);
  });

  it('an ExtINT message takes the vector from the 8259', () => {
    apic.receive(message({ mode: DELIVERY.extInt, vector: 0x99 }));
    expect(apic.intr()).toBe(true);
    expect([apic.acknowledge(), pic.acknowledged, apic.intr()]).toEqual([0x20, 1, false]);
  });
});

it('a snapshot holds all of it', () => {
  const fresh = apic;
  apic.virtualWire();
  write(DIVIDE, 3);
  write(LVT_TIMER, PERIODIC | 0x31);
  write(INITIAL, 1000);
  clock.run(500);
  write(TPR, 0x20);
  read(0x40);
  for (const vector of [0x51, 0x61, 0x71]) apic.receive(message({ vector, level: vector === 0x61 }));
  apic.acknowledge();
  apic.lint1.set(true);
  const saved = structuredClone(apic.save());
  const deadlines = clock.save();
  const left = [read(CURRENT), read(PPR)];
  apic.reset();
  expect(apic.save()).not.toEqual(saved);
  fresh.load(structuredClone(saved));
  clock.load(deadlines);
  expect(fresh.save()).toEqual(saved);
  expect([read(CURRENT), read(PPR)]).toEqual(left);
  write(EOI, 0);
  expect(apic.acknowledge()).toBe(0x61);
});
