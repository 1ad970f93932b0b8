import { describe, expect, it } from 'vitest';
import {
  ABRT,
  BSY,
  DRDY,
  DRQ,
  DSC,
  damaged,
  disk,
  ERR,
  hugeDisk,
  IDNF,
  READY,
  rig,
  sector,
  UNC,
} from './rig.ts';

const SIGNATURE = [1, 1, 0, 0]; // count, low, mid, high
const registers = (r: ReturnType<typeof rig>): number[] => [2, 3, 4, 5].map(n => r.in(n));

describe('power-on and resets', () => {
  it('finds a ready drive with its signature and no error', () => {
    const r = rig();
    expect([r.status(), r.in(1), ...registers(r), r.in(6) & 0x5f]).toEqual([READY, 1, ...SIGNATURE, 0]);
    expect(r.irq()).toBe(false);
  });

  it('is busy while SRST is set and for a while after, and interrupts for neither', () => {
    const r = rig([disk(64), disk(64)]);
    r.lba(5, 9, 1);
    r.control(4);
    expect(r.status() & BSY).toBe(BSY);
    r.clock.run(1e9);
    expect(r.status() & BSY).toBe(BSY);
    r.control(0);
    r.clock.run(1_000_000);
    expect(r.status() & BSY).toBe(BSY);
    expect(r.ready()).toBe(READY);
    expect([r.in(1), ...registers(r), r.in(6) & 0x5f]).toEqual([1, ...SIGNATURE, 0]);
    r.out(6, 0x10);
    expect([r.in(1), ...registers(r)]).toEqual([1, ...SIGNATURE]);
    expect(r.irqs[0].changes).toEqual([]);
  });

  it('SRST stops a command in the middle', () => {
    const r = rig();
    r.lba(0, 4);
    r.command(0x20);
    r.data();
    r.control(4);
    r.control(0);
    expect(r.ready()).toBe(READY);
    expect(r.irq()).toBe(false);
    r.lba(9, 1);
    expect(r.command(0x20)).toBe(READY | DRQ);
    expect(r.data()).toEqual(sector(9));
  });

  it('SRST brings back the defaults unless SET FEATURES 66h forbade it', () => {
    for (const keep of [false, true]) {
      const r = rig();
      if (keep) r.feature(0x66);
      r.out(2, 8);
      r.command(0xc6);
      r.control(4);
      r.control(0);
      r.ready();
      expect(r.identify()[59]).toBe(keep ? 0x108 : 0);
    }
  });

  it('EXECUTE DEVICE DIAGNOSTIC tells of both, selects drive 0 and interrupts once', () => {
    const r = rig([disk(64), disk(64)]);
    r.lba(5, 9, 1);
    r.out(7, 0x90);
    expect(r.ready()).toBe(READY);
    expect([r.irq(), r.in(6) & 0x5f, r.in(1), ...registers(r)]).toEqual([true, 0, 1, ...SIGNATURE]);
    r.out(6, 0x10);
    expect([r.irq(), r.in(1), r.status(), ...registers(r)]).toEqual([false, 1, READY, ...SIGNATURE]);
  });
});

describe('who answers', () => {
  it('drive 0 for an absent drive 1: status 0, and its own other registers', () => {
    const r = rig();
    r.lba(0x123, 7, 1);
    expect([r.status(), r.in(7), r.in(2), r.in(3)]).toEqual([0, 0, 7, 0x23]);
    r.out(7, 0xec);
    r.settle();
    expect([r.status(), r.irq()]).toEqual([0, false]);
    r.out(6, 0);
    expect([r.status(), r.irq()]).toEqual([READY, false]);
  });

  it('nobody for an empty channel or a lone drive 1: the cable floats with DD7 low', () => {
    const r = rig([null, null, null, disk(64)]);
    expect([r.status(), r.in(2), r.in(7), r.space.readPort(0x1f0, 2)]).toEqual([0x7f, 0x7f, 0x7f, 0xff7f]);
    r.base = 0x170;
    r.out(6, 0);
    expect(r.status()).toBe(0x7f);
    r.out(6, 0x10);
    expect(r.status()).toBe(READY);
    expect(r.identify(1)[60]).toBe(64);
  });

  it('both drives hear the registers, the selected one runs the command', () => {
    const r = rig([disk(64), disk(100)]);
    r.lba(3, 1, 1);
    expect(r.command(0x20)).toBe(READY | DRQ);
    r.out(6, 0);
    expect([r.status(), r.in(3)]).toEqual([READY, 3]);
    r.out(6, 0x10);
    expect(r.data()).toEqual(sector(3));
    expect([r.identify(0)[60], r.identify(1)[60]]).toEqual([64, 100]);
  });

  it("only the selected drive's INTRQ reaches the line", () => {
    const r = rig([disk(64), disk(64)]);
    r.out(6, 0);
    r.command(0xe5);
    expect(r.irq()).toBe(true);
    r.out(6, 0x10);
    expect(r.irq()).toBe(false);
    r.out(6, 0);
    expect(r.irq()).toBe(true);
  });

  it('the secondary channel has its own ports and interrupt', () => {
    const r = rig([disk(64), null, disk(80)]);
    r.base = 0x170;
    expect(r.identify()[60]).toBe(80);
    expect([r.irqs[0].changes.length, r.irqs[1].changes.length]).toEqual([0, 2]);
  });
});

describe('interrupts', () => {
  it('Status acknowledges, Alternate Status does not, and so does the next command', () => {
    const r = rig();
    r.command(0xe5);
    r.status();
    expect(r.irq()).toBe(true);
    r.in(7);
    expect(r.irq()).toBe(false);
    r.command(0xe5);
    r.out(7, 0xe5);
    expect(r.irq()).toBe(false);
  });

  it('nIEN keeps the line low, and the interrupt waits behind it', () => {
    const r = rig();
    r.control(2);
    r.command(0xe5);
    expect(r.irq()).toBe(false);
    r.control(0);
    expect(r.irq()).toBe(true);
    r.control(2);
    expect(r.irq()).toBe(false);
    r.in(7);
    r.control(0);
    expect(r.irq()).toBe(false);
  });

  it('come before each block of a PIO read and not after the last', () => {
    const r = rig();
    r.lba(0, 2);
    for (let n = 0; n < 2; n++) {
      expect(n === 0 ? r.command(0x20) : r.ready()).toBe(READY | DRQ);
      expect(r.irq()).toBe(true);
      r.in(7);
      r.data();
    }
    r.settle();
    expect([r.status(), r.irq()]).toEqual([READY, false]);
  });

  it('come after each block of a PIO write and not before the first', () => {
    const r = rig();
    r.lba(10, 2);
    expect(r.command(0x30)).toBe(READY | DRQ);
    expect(r.irq()).toBe(false);
    r.send(sector(100));
    expect(r.status() & (BSY | DRQ)).toBe(BSY);
    expect([r.ready(), r.irq()]).toEqual([READY | DRQ, true]);
    r.in(7);
    r.send(sector(101));
    expect([r.ready(), r.irq()]).toEqual([READY, true]);
    r.in(7);
    r.lba(10, 2);
    r.command(0x20);
    expect(r.data()).toEqual(sector(100));
    r.ready();
    expect(r.data()).toEqual(sector(101));
  });
});

describe('registers', () => {
  it('ignore the host while BSY or DRQ is set, commands included', () => {
    const r = rig();
    r.lba(4, 1);
    r.out(7, 0x20);
    r.out(3, 0x55);
    r.out(7, 0xec);
    expect(r.ready()).toBe(READY | DRQ);
    r.out(3, 0x55);
    r.out(7, 0xec);
    expect(r.in(3)).toBe(4);
    expect(r.data()).toEqual(sector(4));
  });

  it('HOB shows what was written before, until the next write', () => {
    const r = rig();
    r.lba48(0x123456_789abc, 0x1122);
    expect([2, 3, 4, 5].map(n => r.in(n))).toEqual([0x22, 0xbc, 0x9a, 0x78]);
    r.control(0x80);
    expect([2, 3, 4, 5].map(n => r.in(n))).toEqual([0x11, 0x56, 0x34, 0x12]);
    r.out(3, 1);
    expect([r.in(3), r.in(2)]).toEqual([1, 0x22]);
  });

  it('Data by dwords, words and bytes, and nothing without DRQ', () => {
    const r = rig();
    r.lba(2, 1);
    r.command(0x20);
    const s = sector(2);
    expect(r.space.readPort(0x1f0, 4)).toBe((s[0] | (s[1] << 8) | (s[2] << 16)) + s[3] * 2 ** 24);
    expect(r.space.readPort(0x1f0, 1)).toBe(s[4]); // takes a word
    expect(r.space.readPort(0x1f0, 2)).toBe(s[6] | (s[7] << 8));
    for (let i = 8; i < 512; i += 4) r.space.readPort(0x1f0, 4);
    expect([r.status(), r.space.readPort(0x1f0, 2)]).toEqual([READY, 0xffff]);
    r.space.writePort(0x1f0, 4, 0);
    expect(r.status()).toBe(READY);
  });

  it('wider accesses beside Data are bytes', () => {
    const r = rig();
    r.space.writePort(0x1f2, 4, 0x44332211);
    expect([r.in(2), r.in(3), r.in(4), r.in(5)]).toEqual([0x11, 0x22, 0x33, 0x44]);
    expect(r.space.readPort(0x1f2, 2)).toBe(0x2211);
  });
});

describe('addresses', () => {
  it('by CHS, as the geometry translates them', () => {
    const r = rig();
    r.chs(1, 2, 3, 1);
    expect(r.command(0x20)).toBe(READY | DRQ);
    expect(r.data()).toEqual(sector(16 * 63 + 2 * 63 + 2));
    expect([r.in(4), r.in(6) & 0xf, r.in(3)]).toEqual([1, 2, 3]);
  });

  it('by another geometry after INITIALIZE DEVICE PARAMETERS', () => {
    const r = rig();
    r.out(2, 21);
    r.out(6, 7);
    expect(r.command(0x91)).toBe(READY);
    r.chs(2, 7, 21, 1);
    r.command(0x20);
    expect(r.data()).toEqual(sector(2 * 8 * 21 + 7 * 21 + 20));
    expect(r.identify().slice(53, 59)).toEqual([7, 12, 8, 21, 2016, 0]);
    r.out(2, 0);
    expect([r.command(0x91), r.in(1)]).toEqual([READY | ERR, ABRT]);
  });

  it.each([
    ['sector 0', 0, 0, 0],
    ['a sector beyond the track', 0, 0, 64],
    ['a cylinder beyond the disk', 2, 0, 1],
  ])('CHS with %s is not found', (_, cylinder, head, s) => {
    const r = rig();
    r.chs(cylinder, head, s, 1);
    expect([r.command(0x20), r.in(1), r.irq()]).toEqual([READY | ERR, IDNF, true]);
  });

  it('a transfer over the end stops there and names the sector', () => {
    const r = rig();
    r.lba(2014, 5);
    r.command(0x20);
    for (const lba of [2014, 2015]) {
      expect(r.ready()).toBe(READY | DRQ);
      expect(r.data()).toEqual(sector(lba));
    }
    expect([r.ready(), r.in(1), r.in(3), r.in(4), r.in(2)]).toEqual([
      READY | ERR,
      IDNF,
      2016 & 255,
      2016 >> 8,
      3,
    ]);
  });

  it('of 28 and 48 bits reach as far as they can', () => {
    const r = rig([hugeDisk(2 ** 32)]);
    const words = r.identify();
    expect([words[60], words[61]]).toEqual([0xffff, 0x0fff]);
    expect(words.slice(100, 104)).toEqual([0, 0, 1, 0]);
    r.lba48(2 ** 32 - 1, 1);
    expect(r.command(0x24)).toBe(READY | DRQ);
    expect(r.data()).toEqual(sector(0xffff));
    r.lba48(2 ** 32, 1);
    expect([r.command(0x24), r.in(1)]).toEqual([READY | ERR, IDNF]);
    r.lba(0xffffff0, 1);
    expect(r.command(0x20)).toBe(READY | DRQ);
    r.data();
    r.out(6, 0x40);
    r.command(0x27);
    expect([3, 4, 5].map(n => r.in(n))).toEqual([255, 255, 255]);
    r.control(0x80);
    expect([3, 4, 5].map(n => r.in(n))).toEqual([255, 0, 0]);
    r.command(0xf8);
    expect([r.in(3), r.in(6) & 0xf]).toEqual([255, 15]);
  });

  it('a count of 0 is 256, or 65536 with 48 bits', () => {
    for (const [code, sectors] of [
      [0x40, 256],
      [0x42, 65536],
    ]) {
      const r = rig([{ ...hugeDisk(sectors + 10), read: () => {} }]);
      if (code === 0x42) r.lba48(10, 0);
      else r.lba(10, 0);
      r.out(7, code);
      r.settle();
      expect(r.in(7)).toBe(READY);
      r.lba48(11, 0);
      r.out(7, code);
      r.settle();
      expect(r.in(7)).toBe(READY | ERR);
    }
  });
});

describe('READ and WRITE MULTIPLE', () => {
  it('are aborted until SET MULTIPLE MODE allows them', () => {
    const r = rig();
    r.lba(0, 4);
    expect([r.command(0xc4), r.in(1)]).toEqual([READY | ERR, ABRT]);
    for (const count of [3, 32, 255]) {
      r.out(2, count);
      expect([r.command(0xc6), r.in(1)]).toEqual([READY | ERR, ABRT]);
    }
    r.out(2, 4);
    expect(r.command(0xc6)).toBe(READY);
    expect(r.identify()[59]).toBe(0x104);
  });

  it('transfer whole blocks and the rest, one interrupt each', () => {
    const r = rig();
    r.out(2, 4);
    r.command(0xc6);
    r.in(7);
    const before = r.irqs[0].rises().length;
    r.lba(20, 10);
    r.command(0xc4);
    const read: number[] = [];
    for (const n of [4, 4, 2]) {
      expect(r.ready()).toBe(READY | DRQ);
      r.in(7);
      read.push(...r.data(n));
    }
    expect(r.ready()).toBe(READY);
    expect(read).toEqual(Array.from({ length: 10 }, (_, i) => sector(20 + i)).flat());
    expect(r.irqs[0].rises().length - before).toBe(3);
    r.lba48(40, 6);
    r.command(0x39);
    r.send(read.slice(0, 2048));
    r.ready();
    r.send(read.slice(2048, 3072));
    expect(r.ready()).toBe(READY);
    r.lba(45, 1);
    r.command(0x20);
    expect(r.data()).toEqual(sector(25));
  });
});

describe('commands without data', () => {
  it.each([
    ['NOP', 0x00],
    ['DEVICE RESET', 0x08],
    ['PACKET', 0xa0],
    ['IDENTIFY PACKET DEVICE', 0xa1],
    ['SMART', 0xb0],
    ['a vendor code', 0xff],
  ])('%s is aborted', (_, code) => {
    const r = rig();
    expect([r.command(code), r.in(1), r.irq()]).toEqual([READY | ERR, ABRT, true]);
  });

  it('SET FEATURES takes what the drive has and aborts the rest', () => {
    const r = rig();
    for (const [feature, count] of [
      [2, 0],
      [0x82, 0],
      [0xaa, 0],
      [0x55, 0],
      [3, 0],
      [3, 1],
      [3, 0x0c],
      [3, 0x22],
      [3, 0x45],
    ])
      expect(r.feature(feature, count), `${feature} ${count}`).toBe(READY);
    for (const [feature, count] of [
      [3, 2],
      [3, 0x0d],
      [3, 0x10],
      [3, 0x23],
      [3, 0x46],
      [3, 0x80],
      [0x05, 1],
      [0x42, 0],
    ])
      expect([r.feature(feature, count), r.in(1)], `${feature} ${count}`).toEqual([READY | ERR, ABRT]);
    const words = r.identify();
    expect([words[63], words[88], words[85] & 0x60]).toEqual([0x0007, 0x203f, 0]);
  });

  it('power modes: standby spins down, the next access waits for the disk, sleep for a reset', () => {
    const r = rig();
    const power = () => {
      r.command(0xe5);
      return r.in(2);
    };
    expect(power()).toBe(0xff);
    expect(r.command(0xe0)).toBe(READY);
    expect(power()).toBe(0);
    const from = r.clock.now();
    r.lba(0, 1);
    r.command(0x20);
    expect(r.clock.now() - from).toBeGreaterThan(6e9);
    r.data();
    expect(power()).toBe(0xff);
    r.command(0xe6);
    r.in(7);
    r.out(7, 0xec);
    r.settle();
    expect([r.status(), r.irq()]).toEqual([READY, false]);
    r.control(4);
    r.control(0);
    r.ready();
    expect(power()).toBe(0xff);
  });

  it('READ BUFFER gives what WRITE BUFFER took', () => {
    const r = rig();
    expect([r.command(0xe8), r.irq()]).toEqual([READY | DRQ, false]);
    r.send(sector(77));
    expect([r.ready(), r.irq()]).toEqual([READY, true]);
    expect(r.command(0xe4)).toBe(READY | DRQ);
    expect(r.data()).toEqual(sector(77));
    expect(r.status()).toBe(READY);
  });
});

describe('IDENTIFY DEVICE', () => {
  it('is consistent: geometry, capacity and names', () => {
    const r = rig([disk(2016 + 5)]);
    const w = r.identify();
    const text = (from: number, to: number) =>
      String.fromCharCode(...w.slice(from, to).flatMap(x => [x >> 8, x & 0xff]));
    expect([w[1], w[3], w[6]]).toEqual([2, 16, 63]);
    expect([w[54], w[55], w[56], w[57] + w[58] * 65536]).toEqual([2, 16, 63, 2016]);
    expect([w[60] + w[61] * 65536, w[100] + w[101] * 65536]).toEqual([2021, 2021]);
    expect([text(10, 20), text(27, 47).trim()]).toEqual(['           NOOKS86-0', 'NOOKS86 DISK']);
    expect([w[0], w[49] & 0x300, w[53], w[83] & 0xc400, w[84], w[87]]).toEqual([
      0x40, 0x300, 7, 0x4400, 0x4000, 0x4000,
    ]);
  });

  it.each([
    [1, 1, 1, 1],
    [62, 1, 1, 62],
    [63, 1, 1, 63],
    [200, 1, 3, 63],
    [16514064, 16383, 16, 63],
    [1e9, 16383, 16, 63],
  ])('of %d sectors says a geometry that fits', (sectors, cylinders, heads, perTrack) => {
    const w = rig([hugeDisk(sectors)]).identify();
    expect([w[1], w[3], w[6]]).toEqual([cylinders, heads, perTrack]);
    expect(cylinders * heads * perTrack).toBeLessThanOrEqual(sectors);
  });
});

describe('a medium that fails', () => {
  it('gives UNC at the sector, after the good ones, and one notice', () => {
    const r = rig([damaged(disk(200), [12])]);
    r.lba(10, 4);
    r.command(0x20);
    for (const lba of [10, 11]) {
      expect(r.ready()).toBe(READY | DRQ);
      expect(r.data()).toEqual(sector(lba));
    }
    expect([r.ready(), r.in(1), r.in(3), r.irq()]).toEqual([READY | ERR, UNC, 12, true]);
    r.lba(0, 100);
    r.command(0x40);
    r.settle();
    expect([r.status(), r.in(1), r.in(3)]).toEqual([READY | ERR, UNC, 12]);
    expect(r.notices).toEqual(['disk 0: no sector 12']);
  });

  it('gives a device fault on a write and on a flush', () => {
    const r = rig([damaged(disk(200), [12, -1])]);
    r.lba(12, 1);
    r.command(0x30);
    r.send(sector(0));
    expect([r.ready(), r.in(1)]).toEqual([DRDY | DSC | 0x20 | ERR, ABRT]);
    expect([r.command(0xe7), r.in(1)]).toEqual([DRDY | DSC | 0x20 | ERR, ABRT]);
    expect(r.command(0xe5)).toBe(READY);
  });

  it('hides no mistake of the host', () => {
    const read = () => {
      throw new TypeError('a mistake');
    };
    const r = rig([{ ...hugeDisk(10), read }]);
    r.lba(0, 1);
    expect(() => r.command(0x20)).toThrow(TypeError);
  });
});
