/**
 * DMA registers, the parallel port, port 0x92 and the debug console against QEMU's. Skipped when QEMU is not
 * installed. Kept out, because QEMU leaves the data sheet there: a DMA controller that is off or copies memory;
 * counts and addresses of which one half is written (QEMU takes both with the second); software requests (a status bit
 * of QEMU's only); reading the mask (which QEMU has at register 9); and bit 0 of the parallel port's status, an EPP
 * time-out.
 */
import { describe, expect, it } from 'vitest';
import { DebugConsole } from '../../../emu/devices/debug-console.ts';
import { IsaDma } from '../../../emu/devices/isa-dma.ts';
import { Parallel } from '../../../emu/devices/parallel.ts';
import { SystemControl } from '../../../emu/devices/system-control.ts';
import { IrqSpy, TestClock } from './board.ts';
import { installed, Qtest, random } from './qtest.ts';

const ROUNDS = 20_000;

describe.skipIf(!installed)('like QEMU (skipped without QEMU)', () => {
  it('the DMA registers read back', async () => {
    const next = random(0x1357);
    const twin = new Qtest(new IsaDma(new TestClock(1e9), { read: () => {}, write: () => {} }));
    const port = (register: number, second: number) => (second ? 0xc0 + 2 * register : register);
    for (const second of [0, 1]) twin.out(port(13, second), 0);
    for (let i = 0; i < ROUNDS; i++) {
      const second = next(2);
      const kind = next(8);
      if (kind < 2) {
        const register = port(next(8), second);
        twin.out(port(12, second), 0);
        twin.out(register, next(256), next(256));
      } else if (kind < 4) twin.in(port(next(8), second));
      else if (kind === 4) twin.out(port([10, 12, 13, 14, 15][next(5)], second), next(16));
      else if (kind === 5) twin.in(port(8, second));
      else if (kind === 6) twin.out(port(11, second), (next(256) & ~3) | next(4));
      else {
        const page = [0x81, 0x82, 0x83, 0x87, 0x89, 0x8a, 0x8b][next(7)];
        if (next(2)) twin.out(page, next(256));
        twin.in(page);
      }
    }
    expect(await twin.compare()).toBeGreaterThan(ROUNDS / 3);
  });

  it('the parallel port with a ready printer', async () => {
    const clock = new TestClock(1e9);
    const twin = new Qtest(new Parallel(clock, { base: 0x378, irq: new IrqSpy() }));
    const ready = () => {
      for (const port of [0x378, 0x37a]) twin.in(port);
      twin.in(0x379, 0xfe);
    };
    twin.out(0x378, 0x55);
    ready();
    for (const byte of [0x41, 0xff, 0x00]) {
      twin.out(0x378, byte);
      twin.out(0x37a, 0x0d, 0x0c);
      // QEMU goes on with each look at the status: busy, acknowledge, ready.
      ready();
      clock.run(11 * 4000);
      ready();
      clock.run(5 * 4000);
      ready();
    }
    const args = '-chardev null,id=p -device isa-parallel,chardev=p'.split(' ');
    expect(await twin.compare(...args)).toBe(30);
  });

  it('port 0x92', async () => {
    const twin = new Qtest(new SystemControl());
    for (const value of [0, 2, 0, 2]) {
      twin.out(0x92, value);
      twin.in(0x92);
    }
    expect(await twin.compare()).toBe(4);
  });

  it('the debug console', async () => {
    const twin = new Qtest(new DebugConsole());
    twin.out(0xe9, 0x41);
    twin.in(0xe9);
    expect(await twin.compare('-chardev', 'null,id=d', '-device', 'isa-debugcon,chardev=d')).toBe(1);
  });
});
