/** On our own kernel with a domain: a run full of stops ends like one without; frames, domains and modules are named. */
import { beforeAll, describe, expect, it } from 'vitest';
import { buildGuest, type GuestBuild } from '../../guest/build.ts';
import { debugKernel } from './kernel-rig.ts';

let build: GuestBuild;

beforeAll(async () => {
  build = await buildGuest();
});

describe('nooks', () => {
  it('a debugged run ends at the same cycle', async () => {
    const plain = debugKernel(build, 'nooks');
    expect(await plain.run('continue')).toContain('the guest exits with code 0');
    expect(plain.serial()).toContain('netsend');

    const debugged = debugKernel(build, 'nooks');
    await debugged.run('until udp_sendmsg');
    await debugged.run(
      'break e1000_intr',
      'break nooks_dispatch',
      'watch domain_cr3',
      'watch phys:0x1000 16',
    );
    let stops = 0;
    for (; stops < 300; stops++) {
      const said = await debugged.run('continue');
      if (said.includes('exits')) break;
      await debugged.run('bt', 'tlb', 'domain', `stepi ${stops % 7}`, stops % 3 ? 'nexti' : 'next', 'stats');
      if (stops % 10 === 0) await debugged.run('finish');
    }
    expect(stops).toBe(300);
    expect(await debugged.run('delete', 'continue')).toContain('the guest exits with code 0');
    expect(debugged.serial()).toBe(plain.serial());
    expect(debugged.machine.cycles()).toBe(plain.machine.cycles());
    expect([...debugged.machine.accounting.matrix]).toEqual([...plain.machine.accounting.matrix]);
    expect(debugged.machine.cpu.instructions).toBe(plain.machine.cpu.instructions);
  });

  it('knows whose directory is loaded, and what each may do', async () => {
    const { run } = debugKernel(build, 'nooks');
    expect(await run('domain')).toBe('CR3 00000000: the kernel, paging off\nno domains\n');
    const entered = await run('until nooks_kernel_call');
    expect(entered).toContain('now domain 1 (e1000)');
    expect(await run('domain')).toMatch(/=> 1 +e1000 +running/);
    expect(await run('modules')).toMatch(/^e1000 +text f0000000-.*domain 1\n$/);
    expect(await run('walk current_task')).toContain('supervisor reads (CR0.WP: no writes)');
    expect(await run('until nooks_dispatch', 'walk current_task')).toContain('supervisor reads and writes');
    expect(await run('walk current_task 1')).toContain('supervisor reads (CR0.WP: no writes)');
    expect(await run('bt')).toMatch(
      /#1 .*nooks_kernel_call[\s\S]*-- called from a domain --\n#2 .*in e1000_init_module \(\)/,
    );
  });
});

describe('none', () => {
  it('has no domains, and the driver in the kernel', async () => {
    const { run } = debugKernel(build, 'none');
    expect(await run('until udp_sendmsg', 'until e1000_xmit_frame')).toContain('drivers/e1000/tx.c');
    expect(await run('domain')).toContain('no domains\n');
    expect(await run('modules')).toContain('in the kernel');
    expect(await run('bt')).toMatch(/^#0 .*e1000_xmit_frame[\s\S]*udp_sendmsg[\s\S]*system_call/);
  });
});
