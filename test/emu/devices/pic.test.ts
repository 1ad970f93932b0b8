import { describe, expect, it } from 'vitest';
import { Pic } from '../../../emu/devices/pic.ts';
import { io } from './board.ts';

const MASTER = 0x20;
const SLAVE = 0xa0;

/** A pair initialized as Linux does it: vectors 0x20 and 0x28, slave on IR2, nothing masked. */
function pair(options: { icw4?: number; masterIcw4?: number } = {}) {
  const { icw4 = 0x01, masterIcw4 = icw4 } = options;
  const pic = new Pic();
  const bus = io(pic);
  bus.out(MASTER, 0x11);
  bus.out(MASTER + 1, 0x20, 0x04, masterIcw4);
  bus.out(SLAVE, 0x11);
  bus.out(SLAVE + 1, 0x28, 0x02, icw4);
  bus.out(MASTER + 1, 0x00);
  bus.out(SLAVE + 1, 0x00);
  const lines = Array.from({ length: 16 }, (_, n) => (n === 2 ? undefined : pic.line(n)));
  const set = (irq: number, level: boolean): void => lines[irq]?.set(level);
  const pulse = (irq: number): void => {
    set(irq, false);
    set(irq, true);
  };
  return { pic, bus, set, pulse };
}

const EOI = 0x20;

describe('initialization', () => {
  it('clears the mask, the edges seen before it and the special modes', () => {
    const { pic, bus, set } = pair();
    bus.out(MASTER + 1, 0xff);
    bus.out(MASTER, 0x68); // special mask mode
    set(3, true);
    bus.out(MASTER, 0x11);
    bus.out(MASTER + 1, 0x40, 0x04, 0x01);
    expect(bus.in(MASTER + 1)).toBe(0);
    expect(pic.intr()).toBe(false); // the line is high, but its edge came before
    set(3, false);
    set(3, true);
    expect(pic.acknowledge()).toBe(0x43);
  });

  it('asks for nothing before it is through', () => {
    const { pic, bus, set } = pair();
    bus.out(MASTER, 0x11);
    bus.out(MASTER + 1, 0x20);
    set(1, true);
    expect(pic.intr()).toBe(false);
    bus.out(MASTER + 1, 0x04, 0x01);
    expect(pic.intr()).toBe(true);
  });

  it('without ICW4 ends after ICW3, and alone after ICW2', () => {
    const { bus } = pair();
    bus.out(MASTER, 0x10);
    bus.out(MASTER + 1, 0x20, 0x04, 0x5a);
    expect(bus.in(MASTER + 1)).toBe(0x5a);
    bus.out(MASTER, 0x12);
    bus.out(MASTER + 1, 0x20, 0xa5);
    expect(bus.in(MASTER + 1)).toBe(0xa5);
  });

  it('takes only the five high bits of the vector', () => {
    const { pic, bus, pulse } = pair();
    bus.out(MASTER, 0x11);
    bus.out(MASTER + 1, 0x37, 0x04, 0x01);
    pulse(1);
    expect(pic.acknowledge()).toBe(0x31);
  });

  it('never leaves INTR up before a PC has initialized it', () => {
    const pic = new Pic();
    pic.line(0).set(true);
    expect(pic.intr()).toBe(false);
  });
});

describe('edge-triggered requests', () => {
  it('interrupt once for each rise', () => {
    const { pic, bus, set, pulse } = pair();
    set(4, true);
    expect(pic.intr()).toBe(true);
    expect(pic.acknowledge()).toBe(0x24);
    expect(pic.intr()).toBe(false);
    bus.out(MASTER, EOI);
    expect(pic.intr()).toBe(false); // still high: no new edge
    pulse(4);
    expect(pic.intr()).toBe(true);
  });

  it('are remembered while in service and served after EOI', () => {
    const { pic, bus, set, pulse } = pair();
    set(4, true);
    pic.acknowledge();
    pulse(4);
    expect(pic.intr()).toBe(false);
    bus.out(MASTER, EOI);
    expect(pic.acknowledge()).toBe(0x24);
  });

  it('come from level inputs only where ELCR says so', () => {
    const { pic, bus, set } = pair();
    bus.out(0x4d0, 0xff);
    bus.out(0x4d1, 0xff);
    expect([bus.in(0x4d0), bus.in(0x4d1)]).toEqual([0xf8, 0xde]); // 0, 1, 2, 8 and 13 stay edge triggered
    set(1, true);
    pic.acknowledge();
    bus.out(MASTER, EOI);
    expect(pic.intr()).toBe(false);
  });
});

describe('level-triggered requests', () => {
  it('come again after EOI for as long as the line is up', () => {
    const { pic, bus, set } = pair();
    bus.out(0x4d1, 0x08); // IRQ 11
    set(11, true);
    for (let i = 0; i < 3; i++) {
      expect(pic.acknowledge()).toBe(0x2b);
      expect(pic.intr()).toBe(false);
      bus.out(SLAVE, EOI);
      bus.out(MASTER, EOI);
    }
    expect(pic.intr()).toBe(true);
    expect(pic.acknowledge()).toBe(0x2b);
    set(11, false);
    bus.out(SLAVE, EOI);
    bus.out(MASTER, EOI);
    expect(pic.intr()).toBe(false);
  });

  it('are shared: the line is up while any device holds it', () => {
    const { pic, bus } = pair();
    bus.out(0x4d1, 0x08);
    const [one, other] = [pic.line(11), pic.line(11)];
    one.set(true);
    other.set(true);
    one.set(false);
    expect(pic.acknowledge()).toBe(0x2b);
    bus.out(SLAVE, EOI);
    bus.out(MASTER, EOI);
    expect(pic.intr()).toBe(true);
    other.set(false);
    pic.acknowledge();
    expect(pic.view().slave.irr).toBe(0);
  });
});

describe('priority', () => {
  it('serves the lowest number first, and nests only higher ones', () => {
    const { pic, bus, set } = pair();
    set(5, true);
    set(3, true);
    expect(pic.acknowledge()).toBe(0x23);
    expect(pic.intr()).toBe(false); // 5 waits for 3
    set(1, true);
    expect(pic.acknowledge()).toBe(0x21); // 1 interrupts 3
    bus.out(MASTER, EOI); // ends 1
    expect(pic.intr()).toBe(false);
    bus.out(MASTER, EOI); // ends 3
    expect(pic.acknowledge()).toBe(0x25);
  });

  it('puts the slave between IRQ 1 and IRQ 3', () => {
    const { pic, set } = pair();
    set(3, true);
    set(15, true);
    set(8, true);
    expect(pic.acknowledge()).toBe(0x28);
    set(1, true);
    expect(pic.acknowledge()).toBe(0x21);
  });

  it('leaves a masked request waiting in IRR', () => {
    const { pic, bus, set } = pair();
    bus.out(MASTER + 1, 1 << 4);
    set(4, true);
    expect(pic.intr()).toBe(false);
    bus.out(MASTER, 0x0a); // read IRR
    expect(bus.in(MASTER)).toBe(1 << 4);
    bus.out(MASTER + 1, 0);
    expect(pic.intr()).toBe(true);
    expect(pic.acknowledge()).toBe(0x24);
    bus.out(MASTER, 0x0b); // read ISR
    expect(bus.in(MASTER)).toBe(1 << 4);
  });

  it('lets a slave in service interrupt again only in special fully nested mode', () => {
    for (const [icw4, again] of [
      [0x01, false],
      [0x11, true],
    ] as const) {
      const { pic, set } = pair({ masterIcw4: icw4 });
      set(12, true);
      expect(pic.acknowledge()).toBe(0x2c);
      set(9, true); // higher than 12, on the same slave
      expect(pic.intr()).toBe(again);
      if (again) expect(pic.acknowledge()).toBe(0x29);
    }
  });
});

describe('end of interrupt', () => {
  it('specific ends the named level only', () => {
    const { pic, bus, set } = pair();
    set(5, true);
    pic.acknowledge();
    set(3, true);
    pic.acknowledge();
    bus.out(MASTER, 0x65); // specific EOI, level 5
    expect(pic.view().master.isr).toBe(1 << 3);
  });

  it('non-specific with nothing in service does nothing', () => {
    const { pic, bus } = pair();
    bus.out(MASTER, 0xa0); // rotate on non-specific EOI: must not rotate either
    expect(pic.view().master.isr).toBe(0);
  });

  it('automatic leaves nothing in service', () => {
    const { pic, set } = pair({ icw4: 0x03 });
    set(3, true);
    set(5, true);
    expect(pic.acknowledge()).toBe(0x23);
    expect(pic.view().master.isr).toBe(0);
    expect(pic.acknowledge()).toBe(0x25);
  });
});

describe('rotation', () => {
  const order = (setup: (bus: ReturnType<typeof io>) => void): number[] => {
    const { pic, bus, pulse } = pair({ icw4: 0x03 });
    setup(bus);
    for (const irq of [0, 1, 3, 4, 5, 6, 7]) pulse(irq);
    const served: number[] = [];
    while (pic.intr()) served.push(pic.acknowledge() - 0x20);
    return served;
  };

  it('set priority makes the named level the lowest', () => {
    expect(order(bus => bus.out(MASTER, 0xc4))).toEqual([5, 6, 7, 0, 1, 3, 4]);
  });

  it('on non-specific EOI puts the level just served last', () => {
    const { pic, bus, pulse } = pair();
    pulse(3);
    pic.acknowledge();
    bus.out(MASTER, 0xa0);
    pulse(3);
    pulse(7);
    expect(pic.acknowledge()).toBe(0x27);
  });

  it('on specific EOI puts the named level last', () => {
    const { pic, bus, pulse } = pair();
    pulse(3);
    pic.acknowledge();
    bus.out(MASTER, 0xe3);
    expect(pic.view().master.isr).toBe(0);
    pulse(1);
    pulse(4);
    expect(pic.acknowledge()).toBe(0x24);
  });

  it('in automatic EOI mode goes on by itself until switched off', () => {
    const { pic, bus, pulse } = pair({ icw4: 0x03 });
    bus.out(MASTER, 0x80); // rotate in automatic EOI mode: set
    const serve = (...irqs: number[]): number => {
      for (const irq of irqs) pulse(irq);
      return pic.acknowledge() - 0x20;
    };
    expect(serve(4, 6)).toBe(4);
    expect(serve(4)).toBe(6); // 4 is the lowest now
    bus.out(MASTER, 0x00); // clear
    expect(pic.acknowledge()).toBe(0x24);
    expect(serve(1, 7)).toBe(7); // priorities stay where rotation left them: 7 after 6
  });
});

describe('special mask mode', () => {
  it('lets lower levels through while the level in service is masked', () => {
    const { pic, bus, set } = pair();
    set(3, true);
    pic.acknowledge();
    set(5, true);
    bus.out(MASTER + 1, 1 << 3);
    expect(pic.intr()).toBe(false);
    bus.out(MASTER, 0x68); // ESMM, SMM
    expect(pic.acknowledge()).toBe(0x25);
    bus.out(MASTER, EOI); // ends 5; a masked level is passed over
    expect(pic.view().master.isr).toBe(1 << 3);
    bus.out(MASTER, EOI);
    expect(pic.view().master.isr).toBe(1 << 3);
    bus.out(MASTER, 0x48); // ESMM only: off
    bus.out(MASTER, EOI);
    expect(pic.view().master.isr).toBe(0);
  });

  it('is not touched by OCW3 without ESMM', () => {
    const { pic, bus, set } = pair();
    set(3, true);
    pic.acknowledge();
    bus.out(MASTER + 1, 1 << 3);
    bus.out(MASTER, 0x28); // SMM without ESMM
    set(5, true);
    expect(pic.intr()).toBe(false);
  });
});

describe('poll', () => {
  it('reads the level, puts it in service, and is over after one read', () => {
    const { pic, bus, set } = pair();
    set(6, true);
    bus.out(MASTER, 0x0c);
    expect(bus.in(MASTER)).toBe(0x86);
    expect(pic.view().master.isr).toBe(1 << 6);
    expect(pic.intr()).toBe(false);
    expect(bus.in(MASTER)).toBe(0); // IRR again
  });

  it('reads no interrupt when there is none', () => {
    const { bus } = pair();
    bus.out(SLAVE, 0x0c);
    expect(bus.in(SLAVE) & 0x80).toBe(0);
  });
});

describe('a request that goes before its acknowledge', () => {
  it('gives the default IR7 of the master, with nothing in service', () => {
    const { pic, set } = pair();
    set(4, true);
    set(4, false);
    expect(pic.intr()).toBe(true);
    expect(pic.acknowledge()).toBe(0x27);
    expect(pic.view().master.isr).toBe(0);
    expect(pic.intr()).toBe(false);
  });

  it('gives IRQ 15 on the slave, with IR2 of the master in service', () => {
    const { pic, set } = pair();
    set(10, true);
    set(10, false);
    expect(pic.acknowledge()).toBe(0x2f);
    expect(pic.view()).toMatchObject({ master: { isr: 1 << 2 }, slave: { isr: 0 } });
  });

  it('is forgotten when a mask is written in time', () => {
    const { pic, bus, set } = pair();
    set(4, true);
    set(4, false);
    bus.out(MASTER + 1, 0x10);
    expect(pic.intr()).toBe(false);
  });
});

it('refuses an IRQ that has no input', () => {
  const pic = new Pic();
  for (const irq of [-1, 2, 16, 1.5]) expect(() => pic.line(irq)).toThrow(RangeError);
});

it('goes on from a saved state as if nothing had been', () => {
  const one = pair();
  one.set(4, true);
  one.pic.acknowledge();
  one.set(12, true);
  const other = pair();
  other.pic.load(structuredClone(one.pic.save()));
  expect(other.pic.save()).toEqual(one.pic.save());
  for (const { pic, bus, pulse } of [one, other]) {
    expect(pic.intr()).toBe(true);
    expect(pic.acknowledge()).toBe(0x2c);
    bus.out(SLAVE, EOI);
    bus.out(MASTER, EOI, EOI);
    pulse(4);
    expect(pic.acknowledge()).toBe(0x24);
  }
});
