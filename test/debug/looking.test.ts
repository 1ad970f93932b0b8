/** Looking at everything, at every stop, leaves no trace in the machine: each array of its state stays the same. */
import { describe, expect, it } from 'vitest';
import { debugBench, MIB } from './rig.ts';

const LOOKS = [
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
  'help',
];

/** Everything below RAM: registers, counters, TLBs, caches, clock; and what is outside that memory. */
function everything({ machine }: Awaited<ReturnType<typeof debugBench>>) {
  const { memory, events, engine, devices } = machine.snapshot();
  return { memory: Buffer.from(memory), rest: JSON.stringify([events, engine, devices]) };
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
      expect(b.rest).toBe(a.rest);
      expect(b.memory.equals(a.memory)).toBe(true);
    }
    expect(plain.machine.cpu.instructions).toBeGreaterThan(500);
    expect(plain.machine.ramSize).toBe(64 * MIB);
  });
});
