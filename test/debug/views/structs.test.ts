/** Structures by name: what they say agrees with the kernel's own books, and spoilt ones end every walk. */
import { beforeAll, describe, expect, it } from 'vitest';
import { domains } from '../../../debug/domains.ts';
import { placeOf, places } from '../../../debug/views/places.ts';
import { Structs } from '../../../debug/views/structs.ts';
import { framesOf, tasks, waitChannel } from '../../../debug/views/tasks.ts';
import { buildGuest, type GuestBuild } from '../../../guest/build.ts';
import { debugKernel } from '../kernel-rig.ts';
import { debugBench } from '../rig.ts';

let build: GuestBuild;

beforeAll(async () => {
  build = await buildGuest();
});

describe('on our kernel', () => {
  it('has nothing before paging, then tasks, domains and places', async () => {
    const { run, target } = debugKernel(build, 'nooks');
    const structs = Structs.of(target);
    expect(structs.ours).toBe(true);
    expect(tasks(target)).toEqual({ tasks: [], broken: false });
    expect(domains(target)).toEqual([]);

    await run('until udp_sendmsg', 'until e1000_xmit_frame');
    const [domain] = domains(target);
    expect(domain).toMatchObject({ id: 1, name: 'e1000', state: 'running', cr3: target.machine.cpu.cr3 });
    expect(domain.address).toBe(target.value(target.symbols.address('nooks_domains')!, 4));

    const { tasks: all, broken } = tasks(target);
    expect(broken).toBe(false);
    expect(all.map(t => t.name)).toEqual(expect.arrayContaining(['idle', 'init', 'netsend', 'nooksd']));
    expect(all.find(t => t.current)?.name).toBe('netsend');
    const init = all.find(t => t.name === 'init')!;
    expect(init.process).toBe(true);
    const manager = all.find(t => t.name === 'nooksd')!;
    expect(manager).toMatchObject({ process: false, current: false });
    expect(manager.state).toMatch(/^sleeping/);
    expect(waitChannel(target, manager)).toMatch(/^recovery_thread\+0x/);
    expect(framesOf(target, manager).length).toBeGreaterThan(1);

    const list = places(target);
    expect(list[0].start).toBe(0);
    expect(list.at(-1)!.end).toBe(2 ** 32);
    list.slice(1).forEach((p, n) => {
      expect(p.start).toBe(list[n].end);
    });
    expect(placeOf(list, target.pc()).name).toBe('e1000 text');
    expect(placeOf(list, target.esp()).name).toBe('stack of domain 1');
    expect(placeOf(list, 0xc0100000).name).toBe('direct map');

    // Names of an enumeration, a struct without a name, and one of two variables of one name.
    expect(structs.enumeration('object_type', 'OBJ_').get(1)).toBe('SKB');
    const limits = structs.global('rows', 'nooks/limits.c')!.elements();
    expect(limits[0].text('name')).toBe('memory');
    expect(structs.global('rows', 'nooks/policy.c')!.elements()[0].text('name')).toBe('*');
  });

  it('ends a walk of a list that was spoilt', async () => {
    const { run, target, machine } = debugKernel(build, 'nooks');
    await run('until udp_sendmsg');
    const structs = Structs.of(target);
    const head = structs.variable('all_tasks')!.address;
    const [, second] = tasks(target).tasks;
    const put = (at: number, value: number) => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, value, true);
      machine.writePhysical(machine.cpu.mmu.peekTranslate(at | 0), bytes);
    };
    const next = second.struct.place('tasks.next');
    for (const value of [next, 0, 0xdeadbeef, 3, 0xffffffff]) {
      put(next, value);
      const found = tasks(target);
      expect(found.broken).toBe(true);
      expect(found.tasks.length).toBeLessThan(10);
      for (const task of found.tasks) expect(() => waitChannel(target, task)).not.toThrow();
    }
    put(head, 0);
    expect(tasks(target).tasks.map(t => t.name)).toEqual(['idle']);
  });
});

it('knows a guest that is not our kernel', async () => {
  const { run, target } = await debugBench('pgswitch');
  await run('until bench_run');
  expect(Structs.of(target).ours).toBe(false);
  expect(domains(target)).toEqual([]);
  expect(tasks(target).tasks).toEqual([]);
  expect(places(target)).toEqual([{ start: 0, end: 2 ** 32, name: '' }]);
});
