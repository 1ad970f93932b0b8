/** Looking at everything, at every stop, leaves no trace in the machine: each array of its state stays the same. */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { POINTS } from '../../debug/commands/points.ts';
import { REVERSE } from '../../debug/commands/reverse.ts';
import { RUN } from '../../debug/commands/run.ts';
import { COMMANDS } from '../../debug/commands.ts';
import type { Machine } from '../../emu/machine.ts';
import { buildGuest } from '../../guest/build.ts';
import { debugKernel } from './kernel-rig.ts';
import { debugBench, MIB } from './rig.ts';

/** Rows that run, stop or change the guest, or end the session; all others only look. */
const ACTS = new Set(
  [...RUN, ...REVERSE, ...POINTS].map(c => c.name).concat('set', 'trace', 'source', 'quit'),
);
const ROWS = COMMANDS.filter(c => !ACTS.has(c.name));

const LOOKS = [
  ...ROWS.flatMap(({ name, example }) => [name, example]),
  'regs',
  'x/16xw $esp',
  'x/4i $eip',
  'x/2s $eip',
  'xp/8xb $cr3',
  'disas',
  'bt full',
  'info frame',
  'info locals',
  'info args',
  'up',
  'down',
  'list',
  'ptype u32',
  'walk $eip',
  'walk 0x40000000',
  'walk 0xdeadbeef $cr3',
  'tlb',
  'cache',
  'cache $esp',
  'domain',
  'modules',
  'cycles',
  'cycles all',
  'events',
  'irq',
  'devices',
  'devices e1000',
  'info symbol $eip',
  'info breakpoints',
  'print *$esp',
  'map current kernel',
  'domains 1',
  'xpc all',
  'modules e1000',
  'cache phys:0x100000',
  'help',
];

/** Everything below RAM: registers, counters, TLBs, caches, clock; and what is outside that memory. */
function everything({ machine }: { machine: Machine }) {
  const { memory, ...rest } = machine.snapshot();
  return { memory: Buffer.from(memory.buffer), rest };
}

describe.each(['pgswitch', 'fault', 'call'])('%s', name => {
  it('is the same with and without looking', async () => {
    const plain = await debugBench(name);
    const looked = await debugBench(name);
    const script = [
      'break bench_run',
      'continue',
      'stepi 40',
      'watch $esp-16 16',
      'continue',
      'nexti',
      'next',
      'continue 3000',
    ];
    for (const line of [...script, 'delete', 'stepi 500', 'continue 100000']) {
      const said = await plain.run(line);
      expect(await looked.run(line)).toBe(said);
      expect(said).not.toContain('error:');
      for (const look of LOOKS) expect(await looked.run(look), look).not.toBe('');
      const [a, b] = [everything(plain), everything(looked)];
      expect(isDeepStrictEqual(b.rest, a.rest)).toBe(true);
      expect(b.memory.equals(a.memory)).toBe(true);
    }
    expect(plain.machine.cpu.instructions).toBeGreaterThan(500);
    expect(plain.machine.ramSize).toBe(64 * MIB);
  });
});

it('leaves our kernel as it is, with the driver in a domain, at each kind of moment', async () => {
  const kernel = debugKernel(await buildGuest(), 'nooks');
  const moments = [
    'regs',
    'until udp_sendmsg',
    'until e1000_xmit_frame',
    'until nooks_dispatch',
    'until e1000_intr',
    'until nooks_enter_domain',
    'stepi 9',
  ];
  for (const moment of moments) {
    expect(await kernel.run(moment)).not.toContain('error:');
    const before = everything(kernel);
    for (const look of new Set(LOOKS)) expect(await kernel.run(look), look).not.toBe('');
    const after = everything(kernel);
    expect(isDeepStrictEqual(after.rest, before.rest)).toBe(true);
    expect(after.memory.equals(before.memory)).toBe(true);
  }
});
