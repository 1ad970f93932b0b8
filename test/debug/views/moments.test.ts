/** The views at known moments: in the driver, at a wrapper, in an interrupt; without domains, before paging, elsewhere. */
import { beforeAll, describe, expect, it } from 'vitest';
import { domains } from '../../../debug/domains.ts';
import { presence, shares } from '../../../debug/views/cache.ts';
import { domainView } from '../../../debug/views/domains.ts';
import { differences, runs } from '../../../debug/views/map.ts';
import { modules } from '../../../debug/views/modules.ts';
import { objectsOf } from '../../../debug/views/objects.ts';
import { spaceNamed, spaces } from '../../../debug/views/spaces.ts';
import { Structs } from '../../../debug/views/structs.ts';
import { currentTask } from '../../../debug/views/tasks.ts';
import { chain } from '../../../debug/views/xpc.ts';
import { buildGuest, type GuestBuild } from '../../../guest/build.ts';
import { debugKernel } from '../kernel-rig.ts';
import { debugBench } from '../rig.ts';

let build: GuestBuild;

beforeAll(async () => {
  build = await buildGuest();
});

type Kernel = ReturnType<typeof debugKernel>;

/** Names of the functions of each side, the innermost first. */
function sides({ target }: Kernel) {
  return chain(target, currentTask(target)!).segments.map(s => ({
    who: s.domain ? `domain ${s.domain.id}` : 'kernel',
    state: s.state,
    functions: s.frames.map(f => target.symbols.lookup(target.linked(f.pc))?.symbol.name),
  }));
}

describe("in the driver's transmit function", () => {
  let kernel: Kernel;
  beforeAll(async () => {
    kernel = debugKernel(build, 'nooks');
    await kernel.run('until udp_sendmsg', 'until e1000_xmit_frame');
  });

  it('walks an address in each space', async () => {
    const text = await kernel.run('walk current_task');
    expect(text).toContain('(direct map) in the page directory at');
    expect(text).toContain(', WB; supervisor reads (CR0.WP: no writes); user: none');
    expect(text).toMatch(/ {5}the kernel {2,}[0-9a-f]{8} {2}rw +- +WB +00000000 4M\n/);
    expect(text).toMatch(/process \d+ \(netsend\) +[0-9a-f]{8} {2}rw +- +WB/);
    expect(text).toMatch(/ {2}=> domain 1 \(e1000\) +[0-9a-f]{8} {2}r +- +WB/);
    // The guard page below its stack is nobody's in the domain, and the card's registers are not cached.
    const guard = (kernel.target.esp() & ~0xfff) - 0x1000;
    expect(await kernel.run(`walk ${guard >>> 0}`)).toMatch(/guard page of domain 1[\s\S]*no translation/);
    const registers = await kernel.run('walk *(unsigned*)0 e1000', 'walk 0xe0002000');
    expect(registers).toMatch(/PCD PWT R\/W P\n[\s\S]*physical feb00000, UC; supervisor reads and writes/);
    expect(await kernel.run('walk 0x08048000 netsend')).toContain('user reads');
  });

  it('maps spaces, and tells what differs', () => {
    const { target } = kernel;
    const [a, b] = ['kernel', 'e1000'].map(word => spaceNamed(target, word));
    const own = runs(target, b);
    own.slice(1).forEach((run, n) => {
      expect(run.start).toBeGreaterThanOrEqual(own[n].end);
    });
    expect(own[0]).toMatchObject({ start: 0xc0000000, size: 0x400000, supervisor: 'r', what: 'direct map' });
    expect(own.find(r => r.what === 'e1000 text')).toMatchObject({ supervisor: 'r', user: '-', type: 'WB' });
    expect(own.find(r => r.what === 'ioremap: device')).toMatchObject({ supervisor: 'rw', type: 'UC' });
    expect(own.filter(r => r.what === 'stack of domain 1').every(r => r.supervisor === 'rw')).toBe(true);
    // Every page by a walk of its own, against the machine's translation.
    const { mmu } = target.machine.cpu;
    for (const run of own)
      if (run.contiguous)
        expect(mmu.peekTranslate(run.end - 1, b.cr3)).toBe(run.physical + (run.end - 1 - run.start));
    const found = differences(target, a, b);
    expect(
      found.some(d => d.start === 0xc0000000 && d.a?.supervisor === 'rw' && d.b?.supervisor === 'r'),
    ).toBe(true);
    expect(found.filter(d => d.what.startsWith('guard page')).every(d => d.b === undefined)).toBe(true);
    expect(differences(target, b, b)).toEqual([]);
    // What it may write by the map is what it owns by its own tables.
    const writable = own.filter(r => r.start >= 0xf0000000 && r.start < 0xf8000000 && r.supervisor === 'rw');
    const pages = writable.reduce((sum, r) => sum + (r.end - r.start) / 4096, 0);
    expect(domainView(target, domains(target)[0]).pages).toBe(pages);
  });

  it('knows whose lines the caches hold', () => {
    const { target } = kernel;
    const { hierarchy } = target.machine.cpu.mmu;
    const found = shares(target, hierarchy.l2);
    const lines = [...found.values()].reduce((sum, s) => sum + s.lines, 0);
    const dirty = [...found.values()].reduce((sum, s) => sum + s.dirty, 0);
    expect({ lines, dirty }).toEqual(hierarchy.l2.occupancy());
    expect(found.get('kernel.elf code')!.lines).toBeGreaterThan(10);
    expect(found.get('zone: domain 1 (e1000)')!.dirty).toBeGreaterThan(5);
    const stack = target.machine.cpu.mmu.peekTranslate(target.esp() | 0);
    expect(presence(hierarchy.l1d, stack).way).toBe(1);
  });

  it('tells TLB entries that the tables no longer bear out, and whose the twin keeps', async () => {
    const { target, machine } = kernel;
    const text = await kernel.run('tlb dtlb');
    expect(text).toMatch(
      /^dtlb: \d+ of 64 entries; \d+ misses[^\n]*; loaded: domain 1 \(e1000\)\n[\s\S]*twin too/,
    );
    expect(text).toMatch(/ {4}process 5 \(netsend\): \d+: [0-9a-f]{8}/);
    expect(text).not.toContain('STALE');
    const snapshot = machine.snapshot();
    const page = target.esp() & ~0xfff;
    const directory = machine.cpu.cr3 + 4 * (page >>> 22);
    const at = (target.value(directory, 4, true) & ~0xfff) + 4 * ((page >>> 12) & 0x3ff);
    machine.writePhysical(at, Uint8Array.of(machine.cpu.mmu.ram8[at] & ~2));
    expect(await kernel.run('tlb dtlb')).toMatch(/1 STALE; [\s\S]*STALE: the tables say supervisor R\n/);
    machine.restore(snapshot);
  });

  it('shows the domain whole', async () => {
    const { target } = kernel;
    const [domain] = domains(target);
    const view = domainView(target, domain);
    const structs = Structs.of(target);
    const d = structs.at('struct nooks_domain', domain.address);
    expect(view).toMatchObject({
      loaded: true,
      policy: 'restart',
      trigger: undefined,
      timers: 1,
      packets: 256,
    });
    expect(view.stacks.made - view.stacks.free).toBe(1);
    expect(view.limits).toContainEqual({ name: 'irq-off', value: 10_000 });
    expect(view.counters.map(c => c.name)).toEqual([
      'to kernel',
      'to driver',
      'deferred',
      'copied bytes',
      'failures',
      'recoveries',
    ]);
    // The tracker counts all but packets by itself.
    const { objects, broken } = objectsOf(target, domain);
    expect(broken).toBe(0);
    expect(objects.filter(o => o.type !== 'SKB').length).toBe(d.number('object_count'));
    expect(objects.find(o => o.type === 'NETDEV')?.what).toBe('eth0');
    expect(objects.find(o => o.type === 'IRQ')?.what).toContain('line 11 for eth0: e1000_intr');
    const sent = objects.find(o => o.what.includes('to send'))!;
    expect(sent.what).toMatch(/^42 bytes/);
    const text = await kernel.run('objects 1');
    expect(text).toContain('and 240 more');
    expect(text.indexOf('to send')).toBeLessThan(text.indexOf("the extension's\n") + 4000);
    expect(await kernel.run('objects 2')).toBe('error: no domain 2\n');
  });

  it('shows crossings, modules and tasks', async () => {
    const { target, run } = kernel;
    const [driver, outside, ...rest] = sides(kernel);
    expect(driver).toEqual({ who: 'domain 1', state: 'runs', functions: ['e1000_xmit_frame'] });
    expect(outside.functions).toEqual(
      expect.arrayContaining(['nooks_driver_call', 'qdisc_run', 'udp_sendmsg']),
    );
    expect(outside.functions.at(-1)).toBe('system_call');
    expect(rest).toEqual([]);
    expect(await run('xpc all')).toBe(await run('xpc'));
    const [module] = modules(target).modules;
    expect(module).toMatchObject({ name: 'e1000', state: 'live', domain: 1 });
    expect(module.sections.find(s => s.name === '.text')?.address).toBe(module.text[0]);
    expect(await run('modules e1000')).toMatch(/ {2}e1000_xmit_frame +f000[0-9a-f]{4} +\d+ bytes\n/);
    expect(await run('ps')).toMatch(/=> 5 +netsend +process +running .*in a domain +at e1000_xmit_frame/);
    expect(await run('modules nothing')).toBe('error: no module nothing\n');
  });
});

describe('at other moments of a run with a domain', () => {
  it('at a wrapper, the domain has called, and the kernel runs', async () => {
    const kernel = debugKernel(build, 'nooks');
    await kernel.run('until udp_sendmsg', 'until e1000_xmit_frame', 'until nooks_dispatch', 'stepi 30');
    const [inner, driver, outer] = sides(kernel);
    expect(inner).toMatchObject({ who: 'kernel', state: 'runs' });
    expect(inner.functions).toContain('nooks_dispatch');
    expect(driver.state).toMatch(/^called [a-z_]+$/);
    expect(driver.functions.every(name => name?.startsWith('e1000_'))).toBe(true);
    expect(outer.functions[0]).toBe('nooks_driver_call_with');
    expect(await kernel.run('walk current_task')).toContain('supervisor reads and writes');
  });

  it('in an interrupt, below it are the domain or kernel that it found', async () => {
    const kernel = debugKernel(build, 'nooks');
    await kernel.run('until udp_sendmsg');
    const states = new Set<string>();
    let stops = 0;
    for (; !(await kernel.run('until e1000_intr')).includes('exits'); stops++) {
      const list = sides(kernel);
      expect(list[0].who).toBe('domain 1');
      expect(list[1].functions).toContain('do_irq');
      for (const s of list) states.add(s.state.replace(/0x.*/, ''));
      // In step with the frames that gdb's way of unwinding finds.
      const text = await kernel.run('bt');
      for (const s of list) for (const f of s.functions.slice(0, 3)) expect(text).toContain(`${f} (`);
    }
    expect(stops).toBeGreaterThan(3);
    expect(states).toContain('interrupted by trap ');
  });

  it('while a transmit interrupt comes in, nobody is lost', async () => {
    const kernel = debugKernel(build, 'nooks');
    await kernel.run('until udp_sendmsg', 'until nooks_enter_domain');
    // Through all of both crossings, an instruction at a time: a domain is entered or left, and always known.
    for (let n = 0; n < 400; n++) {
      await kernel.run('stepi');
      const list = sides(kernel);
      expect(list.length % 2).toBe(kernel.target.machine.cpu.cr3 === domains(kernel.target)[0].cr3 ? 0 : 1);
      for (const s of list) expect(s.functions).not.toContain(undefined);
    }
  });
});

describe('where there is less to see', () => {
  const views = [
    'walk 0xc0100000',
    'map',
    'tlb',
    'cache',
    'domains',
    'xpc',
    'xpc all',
    'objects',
    'modules',
    'ps',
  ];

  it('natively there are tasks and modules, but no domains', async () => {
    const { run } = debugKernel(build, 'none');
    await run('until udp_sendmsg', 'until e1000_xmit_frame');
    expect(await run('domains')).toMatch(/: the kernel, in a process\nno domains\n$/);
    expect(await run('objects')).toBe('no domains\n');
    expect(await run('xpc')).toMatch(/^task 4 \(netsend\): in no domain\n$/);
    expect(await run('modules')).toContain('in the kernel');
    expect(await run('ps')).toContain('=> 4    netsend');
    expect(await run('walk current_task')).toMatch(/the kernel .*rw[\s\S]*=> process 4 \(netsend\)/);
    expect(await run('map kernel 1')).toBe('error: no domain 1\n');
  });

  it('before paging nothing is known yet', async () => {
    const { run } = debugKernel(build, 'nooks');
    const said = await run(...views);
    expect(said).not.toContain('error:');
    expect(said).toContain(
      'paging is off: c0100000 is physical\npaging is off: all addresses are physical\n',
    );
    expect(said).toContain('no domains\nno task runs\nno task runs\nno domains\nno modules\nno tasks\n');
  });

  it('a foreign image has tables, TLBs and caches, and no more', async () => {
    const { run, target } = await debugBench('pgswitch');
    await run('until bench_run', 'watch 0x40000000', 'c');
    const said = await run(...views);
    expect(said).not.toContain('error:');
    expect(spaces(target).map(s => s.name)).toEqual(['the guest']);
    expect(said).toContain('the guest, page directory at ');
    expect(said).toContain('this guest has no domains that are known');
    expect(said).toMatch(/ {2}pgswitch code +\d+ +\d+ +\d+/);
    expect(said).toMatch(/no domains\nno modules\nno tasks\n$/);
    // Its other directory, by its physical address.
    const now = target.machine.cpu.cr3;
    while (target.machine.cpu.cr3 === now) await run('c');
    const other = now;
    expect(await run(`map current 0x${other.toString(16)}`)).toMatch(/differ in 1 run\n[\s\S]*other frames/);
  });
});
