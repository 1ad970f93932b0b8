/** What irq, devices, cycles and events say of our kernel with the driver in a domain, held to other ways of knowing. */
import { beforeAll, describe, expect, it } from 'vitest';
import { bootKernel } from '../../debug/boot.ts';
import type { Target } from '../../debug/target.ts';
import { devicesText, eventsText } from '../../debug/views/devices.ts';
import { irqText } from '../../debug/views/irq.ts';
import { REG } from '../../emu/devices/e1000/registers.ts';
import { profiles } from '../../emu/profile/index.ts';
import { buildGuest } from '../../guest/build.ts';
import { debugBench } from './rig.ts';

const RUN = 120_000_000;

describe('with the driver at work', () => {
  let target: Target;
  beforeAll(async () => {
    const build = await buildGuest({});
    target = bootKernel(build, 'nooks', { profile: profiles['p4-1700'], memoryBytes: 64 << 20 });
    target.machine.run(RUN);
  }, 120_000);

  it('irq tells gates, masks and handlers as the guest made them', () => {
    const text = irqText(target);
    const { master } = target.machine.pic.save();
    expect(text).toMatch(/0x80 +(trap|interrupt) gate +DPL 3 .*system_call/);
    expect(text).toMatch(/0xe +(trap|interrupt) gate +DPL 0/);
    expect(text).toMatch(/0x8 +task gate/);
    const masked = Array.from({ length: 8 }, (_, n) => n).filter(n => master.imr & (1 << n));
    expect(text).toContain(`masked ${masked.join(',') || '-'}`);
    expect(text).toContain(`vectors 0x${master.base.toString(16)}-`);
    expect(text).toMatch(/IRQ 0 +\d+ +enabled +timer/);
    expect(text).toMatch(/IRQ 11 .* eth0 /);
  });

  it('devices tells rings, BARs and timers as the driver and the device have them', () => {
    const text = devicesText(target.machine);
    const [{ device }] = target.machine.cards;
    const get = (r: number) => device.register(r) >>> 0;
    expect(get(REG.RDLEN)).toBeGreaterThan(0);
    const ring = (head: number, tail: number) => `head ${get(head)}, tail ${get(tail)}`;
    expect(text).toContain(ring(REG.TDH, REG.TDT));
    expect(text).toContain(ring(REG.RDH, REG.RDT));
    expect(text).toMatch(/03\.0 +8086:100e .*bus master; BAR0 memory feb00000;.* to IRQ 11/);
    expect(text).toContain('counter 0: mode 3, count 11932');
    expect(devicesText(target.machine, 'uart')).toMatch(/^uart\n {2}COM1 .*divisor \d+/);
    expect(() => devicesText(target.machine, 'nothing')).toThrow('no device nothing; there are: pci, e1000');
  });

  it('events come in their order, in cycles and microseconds', () => {
    const lines = eventsText(target.machine).trim().split('\n');
    const waits = lines.map(line => Number(/([\d.]+) us/.exec(line)?.[1]));
    expect(waits.length).toBeGreaterThan(0);
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
  });

  it('does not care what the tables hold', () => {
    const { machine } = target;
    const at = target.symbols.address('lines') ?? 0;
    const before = target.bytes(at, 192);
    const pa = machine.cpu.mmu.peekTranslate(at | 0);
    for (let seed = 1; seed < 20; seed++) {
      machine.writePhysical(
        pa,
        Uint8Array.from({ length: 192 }, (_, n) => (n * 97 * seed) ^ (seed << (n % 7))),
      );
      expect(irqText(target).length).toBeLessThan(100_000);
    }
    machine.writePhysical(pa, before);
  });
});

it('a guest without our kernel has devices and gates too', async () => {
  const { target, run } = await debugBench('trap');
  target.machine.run(1_000_000);
  const text = await run('irq', 'devices', 'events', 'cycles');
  expect(text).not.toMatch(/^error:/m);
  expect(text).toContain('I/O APIC');
  expect(text).not.toContain('handlers');
});
