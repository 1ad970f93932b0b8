/** A write that the machine goes back before, and does again, is met again. */
import { expect, it } from 'vitest';
import { Control } from '../../debug/control.ts';
import { debugBench } from './rig.ts';

it('meets the same write after a snapshot was loaded', async () => {
  const { target, machine } = await debugBench('call');
  const control = new Control(target, async () => false);
  const run = target.symbols.address('bench_run') as number;
  await control.runTo(run);
  // The first instruction pushes EBP.
  const slot = target.esp() - 4;
  control.points.add({ kind: 'watchpoint', text: 'the slot', address: slot, length: 4 });
  const before = machine.snapshot();
  for (let n = 0; n < 2; n++) {
    expect((await control.stepi()).kind).toBe('points');
    machine.restore(before);
  }
});
