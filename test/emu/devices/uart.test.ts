import { describe, expect, it } from 'vitest';
import { Uart } from '../../../emu/devices/uart.ts';
import { IrqSpy, io, TestClock } from './board.ts';

const COM1 = 0x3f8;
const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7].map(n => COM1 + n);
const FCR = IIR;
const OUT2 = 0x08;
const LOOP = 0x10;
/** Four ticks an edge of the 1.8432 MHz crystal; at divisor 1 with 8N1 a character is 10 * 16 edges. */
const CRYSTAL = 1_843_200;
const CHARACTER = 10 * 16 * 4;

function port() {
  const clock = new TestClock(CRYSTAL);
  const irq = new IrqSpy(clock);
  const sent: [tick: number, byte: number][] = [];
  const uart = new Uart(clock, { base: COM1, irq, onTransmit: byte => sent.push([clock.now(), byte]) });
  const bus = io(uart);
  bus.out(LCR, 0x83); // 115200, 8N1
  bus.out(DATA, 1);
  bus.out(IER, 0);
  bus.out(LCR, 0x03);
  bus.out(MCR, OUT2 | 3);
  const characters = (n: number): void => clock.run(n * CHARACTER);
  /** Sends `bytes` to the guest and waits until they are in. */
  const arrive = (...bytes: number[]): void => {
    for (const byte of bytes) uart.receive(byte);
    characters(bytes.length);
  };
  return { clock, irq, uart, bus, sent, characters, arrive };
}

describe('transmitting', () => {
  it('takes ten bit times for a character of 8N1', () => {
    const { bus, sent, clock } = port();
    bus.out(DATA, 0x41);
    clock.run(CHARACTER - 1);
    expect(sent).toEqual([]);
    clock.run(1);
    expect(sent).toEqual([[CHARACTER, 0x41]]);
  });

  it.each([
    ['7E1', 0x1a, 1, 10],
    ['8N2', 0x07, 1, 11],
    ['5N1.5', 0x04, 1, 7.5],
    ['8E1 at 9600', 0x1b, 12, 11 * 12],
    ['8N1 with a divisor of 0, as 1', 0x03, 0, 10],
  ])('takes the time of %s', (_, lcr, divisor, bits) => {
    const { bus, sent, clock } = port();
    bus.out(LCR, 0x80);
    bus.out(DATA, divisor);
    bus.out(LCR, lcr);
    bus.out(DATA, 0xff);
    clock.run(1e6);
    expect(sent).toEqual([[bits * 16 * 4, 0xff & ((1 << (5 + (lcr & 3))) - 1)]]);
  });

  it('shows THR empty at once when the line is idle, TEMT when the last bit has gone', () => {
    const { bus, characters } = port();
    expect(bus.in(LSR)).toBe(0x60);
    bus.out(DATA, 1);
    expect(bus.in(LSR)).toBe(0x20); // it went straight into the shift register
    bus.out(DATA, 2);
    expect(bus.in(LSR)).toBe(0x00);
    characters(1);
    expect(bus.in(LSR)).toBe(0x20);
    characters(1);
    expect(bus.in(LSR)).toBe(0x60);
  });

  it('overwrites a full THR without FIFO', () => {
    const { bus, sent, characters } = port();
    bus.out(DATA, 1, 2, 3);
    characters(5);
    expect(sent.map(([, byte]) => byte)).toEqual([1, 3]);
  });

  it('holds sixteen in the FIFO and one in the shift register, and loses what is more', () => {
    const { bus, sent, characters } = port();
    bus.out(FCR, 0x01);
    for (let i = 0; i < 20; i++) bus.out(DATA, i);
    characters(30);
    expect(sent.map(([, byte]) => byte)).toEqual(Array.from({ length: 17 }, (_, i) => i));
    expect(sent.at(-1)?.[0]).toBe(17 * CHARACTER); // back to back
  });

  it('drops what is in the FIFO on a reset, not what is being shifted', () => {
    const { bus, sent, characters } = port();
    bus.out(FCR, 0x01);
    bus.out(DATA, 1, 2, 3);
    bus.out(FCR, 0x05);
    characters(5);
    expect(sent.map(([, byte]) => byte)).toEqual([1]);
  });
});

describe('receiving', () => {
  it('takes a character time a byte, and RBR gives them in order', () => {
    const { bus, clock, uart } = port();
    bus.out(FCR, 0x01);
    uart.receive(0x61);
    uart.receive(0x62);
    clock.run(CHARACTER - 1);
    expect(bus.in(LSR) & 1).toBe(0);
    clock.run(1);
    expect(bus.in(LSR) & 1).toBe(1);
    expect(bus.in(DATA)).toBe(0x61);
    expect(bus.in(LSR) & 1).toBe(0);
    clock.run(CHARACTER);
    expect(bus.in(DATA)).toBe(0x62);
  });

  it('overruns one character without FIFO: the new one stays, OE is shown once', () => {
    const { bus, arrive } = port();
    arrive(1, 2);
    expect(bus.in(LSR) & 3).toBe(3);
    expect(bus.in(LSR) & 3).toBe(1);
    expect(bus.in(DATA)).toBe(2);
  });

  it('overruns the FIFO after sixteen: those stay', () => {
    const { bus, arrive } = port();
    bus.out(FCR, 0x01);
    arrive(...Array.from({ length: 18 }, (_, i) => i));
    expect(bus.in(LSR) & 2).toBe(2);
    const got: number[] = [];
    while (bus.in(LSR) & 1) got.push(bus.in(DATA));
    expect(got).toEqual(Array.from({ length: 16 }, (_, i) => i));
  });

  it('shows the errors of a character when it comes to the top of the FIFO', () => {
    const { bus, uart, characters } = port();
    bus.out(FCR, 0x01);
    uart.receive(1);
    uart.receive(2, 0x08); // framing
    characters(2);
    expect(bus.in(LSR)).toBe(0x80 | 0x60 | 0x01); // somewhere in the FIFO
    bus.in(DATA);
    expect(bus.in(LSR)).toBe(0x80 | 0x60 | 0x08 | 0x01);
    expect(bus.in(LSR)).toBe(0x60 | 0x01);
  });

  it('loses everything on a change of the FIFO enable', () => {
    const { bus, arrive } = port();
    bus.out(FCR, 0x01);
    arrive(1, 2, 3);
    bus.out(FCR, 0x00);
    expect(bus.in(LSR) & 1).toBe(0);
  });
});

describe('interrupts', () => {
  it('received data: up with a character, down when it is read', () => {
    const { bus, irq, arrive } = port();
    bus.out(IER, 0x01);
    arrive(7);
    expect([irq.level, bus.in(IIR)]).toEqual([true, 0x04]);
    bus.in(DATA);
    expect([irq.level, bus.in(IIR)]).toEqual([false, 0x01]);
  });

  it.each([
    [0x01, 1],
    [0x41, 4],
    [0x81, 8],
    [0xc1, 14],
  ])('FIFO control %i interrupts at %i characters', (fcr, trigger) => {
    const { bus, irq, arrive } = port();
    bus.out(FCR, fcr);
    bus.out(IER, 0x01);
    for (let i = 1; i < trigger; i++) arrive(i);
    expect(irq.level).toBe(false);
    arrive(trigger);
    expect([irq.level, bus.in(IIR)]).toEqual([true, 0xc4]);
    bus.in(DATA);
    expect(irq.level).toBe(false);
  });

  it('time-out: four character times of silence below the trigger', () => {
    const { bus, irq, clock, arrive } = port();
    bus.out(FCR, 0xc1);
    bus.out(IER, 0x01);
    arrive(1, 2);
    clock.run(4 * CHARACTER - 1);
    expect(irq.level).toBe(false);
    clock.run(1);
    expect([irq.level, bus.in(IIR)]).toEqual([true, 0xcc]);
    bus.in(DATA); // takes it back and starts the time anew
    expect([irq.level, bus.in(IIR)]).toEqual([false, 0xc1]);
    clock.run(4 * CHARACTER);
    expect(bus.in(IIR)).toBe(0xcc);
    bus.in(DATA);
    clock.run(10 * CHARACTER);
    expect(bus.in(IIR)).toBe(0xc1);
  });

  it('THR empty: at once when enabled, again after each character, acknowledged by IIR', () => {
    const { bus, irq, characters } = port();
    bus.out(IER, 0x02);
    expect([irq.level, bus.in(IIR)]).toEqual([true, 0x02]);
    expect([irq.level, bus.in(IIR)]).toEqual([false, 0x01]);
    bus.out(DATA, 1, 2);
    expect(irq.level).toBe(false); // 2 waits
    characters(1);
    expect(irq.level).toBe(true);
    bus.out(DATA, 3);
    expect(irq.level).toBe(false);
  });

  it('come in their order: line status, data, THR empty, modem', () => {
    const { bus, uart, characters } = port();
    bus.out(IER, 0x0f);
    uart.receive(1, 0x04);
    characters(1);
    uart.setModem(0);
    const order: number[] = [];
    order.push(bus.in(IIR));
    bus.in(LSR);
    order.push(bus.in(IIR));
    bus.in(DATA);
    order.push(bus.in(IIR), bus.in(IIR));
    bus.in(MSR);
    order.push(bus.in(IIR));
    expect(order).toEqual([0x06, 0x04, 0x02, 0x00, 0x01]);
  });

  it('reach the IRQ only through OUT2', () => {
    const { bus, irq, arrive } = port();
    bus.out(MCR, 0);
    bus.out(IER, 0x01);
    arrive(1);
    expect([irq.level, bus.in(IIR)]).toEqual([false, 0x04]);
    bus.out(MCR, OUT2);
    expect(irq.level).toBe(true);
  });
});

describe('modem lines', () => {
  it('show levels and changes, which reading clears; of RI only the fall', () => {
    const { bus, uart } = port();
    expect(bus.in(MSR)).toBe(0xb0);
    uart.setModem(0x70); // DCD falls, RI rises
    expect(bus.in(MSR)).toBe(0x78);
    expect(bus.in(MSR)).toBe(0x70);
    uart.setModem(0x30);
    expect(bus.in(MSR)).toBe(0x34);
  });
});

describe('loopback', () => {
  it('receives what it sends, and the host sees neither', () => {
    const { bus, sent, uart, characters } = port();
    bus.out(MCR, LOOP);
    bus.out(DATA, 0xae);
    uart.receive(0x55);
    characters(2);
    expect(bus.in(DATA)).toBe(0xae);
    expect(bus.in(LSR) & 1).toBe(0);
    expect(sent).toEqual([]);
  });

  it('turns DTR, RTS, OUT1 and OUT2 into DSR, CTS, RI and DCD', () => {
    const { bus } = port();
    const inputs = [0x01, 0x02, 0x04, 0x08].map(output => {
      bus.out(MCR, LOOP | output);
      return bus.in(MSR) & 0xf0;
    });
    expect(inputs).toEqual([0x20, 0x10, 0x40, 0x80]);
  });
});

describe('registers', () => {
  it('scratch keeps a byte, DLAB covers the first two', () => {
    const { bus } = port();
    bus.out(SCR, 0x5a);
    bus.out(IER, 0xff);
    bus.out(LCR, 0x83);
    bus.out(DATA, 0x34);
    bus.out(IER, 0x12);
    expect([bus.in(DATA), bus.in(IER)]).toEqual([0x34, 0x12]);
    bus.out(LCR, 0x03);
    expect([bus.in(SCR), bus.in(IER), bus.in(LCR)]).toEqual([0x5a, 0x0f, 0x03]);
  });

  it('the FIFO bits of IIR tell a 16550A', () => {
    const { bus } = port();
    expect(bus.in(IIR)).toBe(0x01);
    bus.out(FCR, 0x01);
    expect(bus.in(IIR)).toBe(0xc1);
    bus.out(FCR, 0xc0); // without the enable bit nothing else takes
    expect(bus.in(IIR)).toBe(0x01);
  });
});

it('goes on from a saved state as if nothing had been', () => {
  const one = port();
  one.bus.out(FCR, 0xc1);
  one.bus.out(IER, 0x03);
  one.bus.out(DATA, 1, 2, 3);
  one.uart.receive(9);
  one.uart.receive(8);
  one.clock.run(CHARACTER + 5);
  const other = port();
  other.clock.jump(one.clock.now());
  other.uart.load(structuredClone(one.uart.save()));
  other.clock.load(one.clock.save());
  one.characters(20);
  other.characters(20);
  expect(other.sent).toEqual(one.sent.slice(1));
  expect(one.sent.length).toBe(3);
  expect(other.uart.save()).toEqual(one.uart.save());
});
