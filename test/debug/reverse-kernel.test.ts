/** Running backwards on our kernel: the far end of the wire, the console and the modules go back as well. */
import { beforeAll, describe, expect, it } from 'vitest';
import { buildGuest, type GuestBuild } from '../../guest/build.ts';
import { debugKernel, outcome } from './kernel-rig.ts';

let build: GuestBuild;

beforeAll(async () => {
  build = await buildGuest();
});

describe('our kernel', () => {
  it('ends as ever after going back and forth, and says nothing twice', async () => {
    const plain = debugKernel(build, 'nooks');
    expect(await plain.run('continue')).toContain('the guest exits with code 0');

    const { run, target, machine, sink, serial } = debugKernel(build, 'nooks');
    const where = (text: string) => [...text.matchAll(/^=> (\S+ <\S+)/gm)].map(m => m[1]);
    await run('until udp_sendmsg', 'break e1000_xmit_frame', 'break e1000_clean_tx', 'continue');
    const forth = await run(...Array(4).fill('continue'));
    const received = sink.report().messages;
    const back = await run(...Array(3).fill('reverse-continue'));
    expect(where(back)).toEqual(where(forth).reverse().slice(1));
    expect(sink.report().messages).toBeLessThanOrEqual(received);
    // Before the driver was loaded.
    const modules = await run('modules');
    expect(modules).toContain('e1000');
    await run('goto 100000');
    expect(await run('modules')).not.toContain('e1000');
    expect(sink.report().messages).toBe(0);
    expect(target.session!.modules()).toEqual([]);
    await run('delete', 'until e1000_xmit_frame');
    expect(await run('modules')).toBe(modules);
    expect(await run('delete', 'continue')).toContain('the guest exits with code 0');
    expect(serial()).toBe(plain.serial());
    expect(outcome(machine)).toEqual(outcome(plain.machine));
    expect(sink.report()).toEqual(plain.sink.report());
  });

  it('steps lines backwards over crossings of the border', async () => {
    const { run } = debugKernel(build, 'nooks');
    const where = (text: string) => [...text.matchAll(/^=> ([0-9a-f]+) <([^+>]+)/gm)].map(m => m.slice(1));
    await run('until udp_sendmsg', 'until e1000_xmit_frame');
    const forth = where(await run(...Array(12).fill('next')));
    const back = where(await run(...Array(11).fill('reverse-next')));
    expect(back).toEqual(forth.reverse().slice(1));
    expect(back.every(([, name]) => name === 'e1000_xmit_frame')).toBe(true);
  });
});
