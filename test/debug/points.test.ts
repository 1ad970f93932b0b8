/** Points of each kind on our kernel: they are met where they should be, and the run's end does not know of them. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Control } from '../../debug/control.ts';
import type { CatchEvent, Hit, Stop } from '../../debug/model.ts';
import type { PointSpec } from '../../debug/points.ts';
import { buildGuest, type GuestBuild } from '../../guest/build.ts';
import { controlKernel, outcome } from './kernel-rig.ts';
import { debugBench } from './rig.ts';

const ESP = 4;
const EAX = 0;

let build: GuestBuild;

beforeAll(async () => {
  build = await buildGuest();
});

function hitsOf(stop: Stop): Hit[] {
  expect(stop.kind).toBe('points');
  return stop.kind === 'points' ? stop.hits : [];
}

const catching = (event: CatchEvent, filter?: string): PointSpec => ({ kind: 'catchpoint', event, filter });

describe('breakpoints', () => {
  it('wait for a module, stop behind what builds the frame, and follow the module through a recovery', async () => {
    const { target, machine, control, points, here } = controlKernel(build);
    const point = points.add({ kind: 'breakpoint', text: 'e1000_xmit_frame' });
    expect(point).toMatchObject({ addresses: [] });
    const [hit] = hitsOf(await control.continue());
    expect(hit.point).toBe(point);
    expect(here()).toBe('e1000_xmit_frame');
    const start = target.symbols.address('e1000_xmit_frame')!;
    expect(target.pc()).toBeGreaterThan(start);
    // The frame is built: EBP leads to the return address, and the argument lies above it.
    const ebp = machine.cpu.r32[5] >>> 0;
    expect(target.symbolAt(target.value(ebp + 4, 4))).toMatch(/^nooks_enter_domain/);

    // An undefined instruction in the driver: the domain fails, and recovery loads the module again.
    const recovery = points.add(catching('recovery'));
    const loads = points.add(catching('load', 'e1000'));
    const unloads = points.add(catching('unload'));
    const physical = machine.cpu.mmu.peekTranslate(target.pc() | 0);
    machine.writePhysical(physical, Uint8Array.of(0x0f, 0x0b));
    const details: string[] = [];
    while (!details.some(d => d.includes('RECOVERED'))) {
      const stop = await control.continue(1e9);
      for (const h of hitsOf(stop)) if (h.detail) details.push(h.detail);
      if (details.length === 1) expect(here()).toBe('nooks_event');
    }
    expect(details.map(d => d.replace(/ at .*, /, ' ').replace(/ \(\d+\)$/, ''))).toEqual([
      'e1000: FAILED',
      'e1000: BEGIN',
      'e1000: UNWOUND',
      'e1000: RELEASED',
      'e1000: UNLOADED',
      'e1000 is unloaded',
      'e1000 is loaded',
      'e1000: LOADED',
      'e1000: RESTORED',
      'e1000: RECOVERED',
    ]);
    expect([loads.hits, unloads.hits, recovery.hits]).toEqual([1, 1, 8]);
    points.remove(recovery.id);
    expect(hitsOf(await control.continue(1e9))[0].point).toBe(point);
    expect(here()).toBe('e1000_xmit_frame');
    expect(point).toMatchObject({ hits: 2, addresses: [target.pc()] });
  });

  it('know conditions, counts, domains, and when they are to go', async () => {
    const { target, machine, control, points } = controlKernel(build);
    const address = target.symbols.address('nooks_dispatch')!;
    const calls: number[] = [];
    machine.engine.addHook(address, () => void calls.push(target.value(machine.cpu.r32[ESP] + 8, 4)));
    const text = '*nooks_dispatch';
    const never = points.add({ kind: 'breakpoint', text, condition: '$esp == 0' });
    const inDomain = points.add({ kind: 'breakpoint', text, domain: 1 });
    const ignoring = points.add({ kind: 'breakpoint', text, ignore: 4 });
    const first = hitsOf(await control.continue());
    expect(first.map(h => h.point)).toEqual([ignoring]);
    expect(calls).toHaveLength(5);
    expect([never.hits, inDomain.hits, ignoring.hits, ignoring.ignore]).toEqual([0, 0, 5, 0]);

    points.enable(ignoring.id, false);
    const broken = points.add({ kind: 'breakpoint', text, condition: 'no_such_thing', temporary: true });
    const [hit] = hitsOf(await control.continue());
    expect(hit).toMatchObject({ point: broken, error: 'no symbol no_such_thing' });
    expect(calls).toHaveLength(6);
    expect(points.get(broken.id)).toBeUndefined();

    // `in the kernel` and `in the domain` at the two ends of one crossing.
    points.removeAll();
    const kernel = points.add({ kind: 'breakpoint', text: 'nooks_kernel_call', domain: 0 });
    const domain = points.add({ kind: 'breakpoint', text: 'nooks_kernel_call', domain: 1 });
    expect(hitsOf(await control.continue()).map(h => h.point)).toEqual([domain]);
    expect(kernel.hits).toBe(0);
    expect(() => points.add({ kind: 'breakpoint', text: '0x1ffffffff' })).toThrow('more than 32 bits');
    expect(() => points.add({ kind: 'watchpoint', text: 'x', address: 0, length: 0 })).toThrow('length 0');
    expect(() => points.add(catching('exception', 'nonsense'))).toThrow('not a number');
    expect(() => points.add(catching('xpc', 'sideways'))).toThrow('not in or out');
  });
});

describe('watchpoints', () => {
  /** What the MMU's debug registers would see: a way of watching that points do not use. */
  const accesses = (kernel: ReturnType<typeof controlKernel>, address: number, until: number) => {
    const seen: { by: number; write: boolean; before: number }[] = [];
    const { machine, target } = kernel;
    machine.cpu.mmu.watchAccesses((lin, size, write) => {
      const at = lin >>> 0;
      if (at < address + 4 && at + size > address)
        seen.push({ by: machine.engine.currentLin() >>> 0, write, before: target.value(address, 4) });
    });
    machine.run(until);
    return seen;
  };

  it('see each load and store of jiffies, by the instruction that does it', async () => {
    const UNTIL = 115_000_000;
    const plain = controlKernel(build);
    const address = plain.target.symbols.address('jiffies')!;
    await plain.control.runTo(plain.target.symbols.address('sys_init_module')!);
    const from = plain.machine.cycles();
    const expected = accesses(plain, address, UNTIL);
    expect(expected.filter(a => a.write).length).toBeGreaterThan(3);
    expect(expected.filter(a => !a.write).length).toBeGreaterThan(10);

    const seen = async (access: 'read' | 'write' | 'access' | 'change', physical = false) => {
      const { target, machine, control, points } = controlKernel(build);
      await control.runTo(target.symbols.address('sys_init_module')!);
      expect(machine.cycles()).toBe(from);
      const at = physical ? machine.cpu.mmu.peekTranslate(address | 0) : address;
      points.add({ kind: 'watchpoint', text: 'jiffies', address: at, length: 4, physical, access });
      const found: { by?: number; write?: boolean; before: number }[] = [];
      for (;;) {
        const stop = await control.continue(UNTIL - machine.cycles());
        if (stop.kind !== 'points') break;
        for (const { by, write, before } of stop.hits)
          found.push({ by, write, before: Buffer.from(before!).readUInt32LE() });
        // It stands behind the instruction.
        expect(target.pc()).not.toBe(stop.hits[0].by);
      }
      expect(machine.cycles()).toBe(plain.machine.cycles());
      return found;
    };
    // A read-modify-write is told of once, as its load.
    const once = expected.filter(
      (a, n) => !(a.write && expected[n - 1]?.by === a.by && !expected[n - 1].write),
    );
    expect(await seen('access')).toEqual(once);
    expect(await seen('read', true)).toEqual(expected.filter(a => !a.write));
    expect(await seen('write')).toEqual(expected.filter(a => a.write));
    expect(await seen('change')).toEqual(expected.filter(a => a.write));
  });

  it('tell a change from a store of the same', async () => {
    const { target, control, points } = controlKernel(build);
    const address = target.symbols.address('domain_cr3')!;
    await control.runTo(target.symbols.address('nooks_enter_domain')!);
    const common = { kind: 'watchpoint', text: 'domain_cr3', address, length: 4 } as const;
    const stores = points.add({ ...common, access: 'write' });
    const changes = points.add({ ...common, access: 'change' });
    let last = target.value(address, 4);
    for (let n = 0; n < 40; n++) {
      const hits = hitsOf(await control.continue());
      const now = target.value(address, 4);
      expect(hits.map(h => h.point)).toEqual(now === last ? [stores] : [stores, changes]);
      last = now;
    }
    // Not empty: `changes` was met, and each store is one of the XPC code's.
    expect(changes.hits).toBeGreaterThan(10);
  });

  it('see DMA at physical addresses, and survive the loading of a snapshot', async () => {
    const { target, machine, control } = controlKernel(build);
    await control.runTo(target.symbols.address('udp_sendmsg')!);
    // Whatever the card writes next.
    let at = -1;
    machine.cpu.mmu.onMaster = (pa, _, write) => {
      if (write && at < 0) at = pa;
    };
    machine.run(machine.cycles() + 20_000_000);
    machine.cpu.mmu.onMaster = null;
    expect(at).toBeGreaterThan(0);
    const other = controlKernel(build);
    await other.control.runTo(other.target.symbols.address('udp_sendmsg')!);
    other.points.add({ kind: 'watchpoint', text: 'dma', address: at, length: 1, physical: true });
    // The marks of the pages are the host's, not the snapshot's.
    other.machine.restore(other.machine.snapshot());
    let hit: Hit;
    do [hit] = hitsOf(await other.control.continue(50_000_000));
    while (hit.by !== undefined);
    expect(hit.write).toBe(true);
  });
});

describe('catchpoints', () => {
  it('count what other means count', async () => {
    const { target, machine, control, points } = controlKernel(build);
    const { cpu, engine } = machine;
    const counted = { syscalls: 0, writes: 0, flushes: 0, timer: 0, enters: 0, leaves: 0 };
    const hook = (name: string, count: () => void) => engine.addHook(target.symbols.address(name)!, count);
    hook('system_call', () => {
      counted.syscalls++;
      if (cpu.r32[EAX] === 4) counted.writes++;
    });
    hook('nooks_enter_domain', () => void counted.enters++);
    hook('nooks_kernel_call', () => void counted.leaves++);
    // Far more than may stop: they are let pass, and counted.
    const all = { ignore: 1e9 };
    const point = (event: CatchEvent, filter?: string) => points.add({ ...catching(event, filter), ...all });
    const syscalls = point('syscall');
    const writes = point('syscall', 'write');
    const fours = point('syscall', '4');
    const into = point('xpc', 'in');
    const out = point('xpc', 'out');
    const domain = point('domain');
    const one = point('domain', '1');
    const dtlb = point('tlb-miss', 'dtlb');
    const itlb = point('tlb-miss', 'itlb switch');
    const exceptions = point('exception');
    const faults = point('exception', 'PF');
    const interrupts = point('interrupt');
    expect((await control.continue()).kind).toBe('end');
    const misses = (name: string, kind: 'misses' | 'switchMisses') =>
      cpu.mmu.tlbs().reduce((sum, t) => sum + (t.name.startsWith(name) ? t[kind] : 0), 0);
    expect(counted.writes).toBeGreaterThan(0);
    expect([syscalls.hits, writes.hits, fours.hits]).toEqual([
      counted.syscalls,
      counted.writes,
      counted.writes,
    ]);
    // Each crossing has its way back.
    expect(into.hits).toBe(counted.enters + counted.leaves);
    expect(out.hits).toBe(into.hits);
    // Each crossing changes the directory's owner.
    expect(one.hits).toBe(domain.hits);
    expect(domain.hits).toBeGreaterThanOrEqual(into.hits + out.hits);
    // A walk that ends in a fault enters nothing.
    expect(dtlb.hits).toBe(misses('dtlb', 'misses') + faults.hits);
    expect(itlb.hits).toBe(misses('itlb', 'switchMisses'));
    expect(exceptions.hits + interrupts.hits + syscalls.hits).toBe(cpu.deliveries);
  });

  it('stand behind deliveries, misses and loads of CR3, and say what it was', async () => {
    const { target, machine, control, points, here } = controlKernel(build);
    await control.runTo(target.symbols.address('nooks_enter_domain')!);
    const stop = async (event: CatchEvent, filter?: string) => {
      const point = points.add(catching(event, filter));
      const [hit] = hitsOf(await control.continue());
      points.remove(point.id);
      return hit;
    };
    const entered = await stop('domain', '1');
    expect(entered.detail).toBe('the kernel, in a process -> domain 1 (e1000)');
    expect(here()).toBe('nooks_enter_domain');
    expect(target.pc()).toBe(entered.by! + 3);

    // The driver's code is not in the flushed TLB: caught before the instruction whose fetch missed.
    const steps = machine.cpu.instructions;
    const miss = await stop('tlb-miss', 'itlb');
    expect(miss.detail).toMatch(/^itlb misses [0-9a-f]{8} for a fetch/);
    expect(target.pc()).toBe(miss.by);
    expect(machine.cpu.instructions - steps).toBeLessThan(12);

    expect((await stop('tlb-flush')).detail).toBe('the TLBs are flushed');
    const call = await stop('syscall');
    expect(call.detail).toMatch(/^system call \d+ \(sys_\w+\), back to [0-9a-f]{8}/);
    expect(here()).toBe('system_call');
    const timer = await stop('interrupt', 'irq0');
    expect(timer.detail).toMatch(/^interrupt 0x20 \(irq 0\) at /);
    // The frame that was pushed says where.
    expect(target.value(machine.cpu.r32[ESP], 4)).toBe(timer.by);
    const out = await stop('xpc', 'out');
    expect(out.detail).toMatch(/^out: domain 1 \(e1000\) (calls \w+|returns 0x)/);
  });
});

it('catches what the processor raises, by vector and name', async () => {
  const { target, machine } = await debugBench('fault');
  const control = new Control(target, async () => false);
  const plain = await debugBench('fault');
  plain.machine.run(100_000_000);
  const exceptions = control.points.add(catching('exception', 'PF'));
  const all = control.points.add({ ...catching('exception'), ignore: 1e9 });
  const interrupts = control.points.add({ ...catching('interrupt'), ignore: 1e9 });
  const syscalls = control.points.add({ ...catching('syscall'), ignore: 1e9 });
  const never = control.points.add({ ...catching('exception'), condition: '$eip == 0' });
  for (let n = 0; n < 20; n++) {
    const [hit] = hitsOf(await control.continue());
    expect(hit.detail).toMatch(/^#PF \(0x[0-9a-f]+\) at [0-9a-f]{8} .*, address [0-9a-f]{8}$/);
    // The error code is on the stack, and the address in CR2.
    const code = target.value(target.esp(), 4);
    expect(hit.detail).toContain(`#PF (0x${code.toString(16)})`);
    expect(hit.by).toBe(target.value(target.esp() + 4, 4));
  }
  exceptions.ignore = 1e9;
  expect((await control.continue()).kind).toBe('end');
  expect(all.hits + interrupts.hits + syscalls.hits).toBe(machine.cpu.deliveries);
  expect([exceptions.hits > 500, exceptions.hits <= all.hits, never.hits]).toEqual([true, true, 0]);
  expect(outcome(machine)).toEqual(outcome(plain.machine));
});

describe('the run', () => {
  it('ends as if nobody had looked', async () => {
    const plain = controlKernel(build);
    expect((await plain.control.continue()).kind).toBe('end');

    const { target, machine, control, points } = controlKernel(build);
    const address = (name: string) => target.symbols.address(name)!;
    const watch = (name: string, access: 'read' | 'write' | 'access' | 'change', physical = false) =>
      points.add({
        kind: 'watchpoint',
        text: name,
        address: physical ? address(name) - 0xc0000000 : address(name),
        length: 4,
        physical,
        access,
      });
    const all = [
      points.add({ kind: 'breakpoint', text: 'nooks_dispatch' }),
      points.add({ kind: 'breakpoint', text: 'e1000_xmit_frame', condition: '$esp > 0xf0000000', domain: 1 }),
      points.add({ kind: 'breakpoint', text: 'kernel/net/udp.c:180' }),
      watch('current_task', 'read', true),
      watch('domain_cr3', 'write'),
      watch('domain_cr3', 'change'),
      watch('jiffies', 'access'),
      ...(
        [
          ['exception'],
          ['interrupt'],
          ['syscall'],
          ['xpc'],
          ['domain'],
          ['tlb-miss', 'itlb'],
          ['tlb-miss', 'dtlb switch'],
          ['tlb-flush'],
          ['load'],
          ['unload'],
          ['recovery'],
        ] as [CatchEvent, string?][]
      ).map(([event, filter]) => points.add(catching(event, filter))),
    ];
    // In turn, so that the rare ones stop it too; then all at once; then all to the end, without stopping.
    const stops = new Set<number>();
    const go = async (times: number, cycles = 60_000) => {
      for (let n = 0; n < times; n++) {
        const stop = await control.continue(cycles);
        expect(stop.kind).not.toBe('end');
        if (stop.kind === 'points') for (const h of stop.hits) stops.add(h.point.id);
        if (n % 5 === 0) await control.stepi(n % 4, 1000);
      }
    };
    for (const p of all) points.enable(p.id, p.kind === 'catchpoint' && p.event === 'load');
    await go(200, 200_000);
    expect([...stops]).toHaveLength(1);
    for (let round = 0; round < 4; round++) {
      for (const { id } of all) points.enable(id, false);
      if (round === 1) await control.runTo(address('udp_sendmsg'));
      for (const { id } of all) {
        points.enable(id, true);
        await go(6);
        points.enable(id, false);
      }
    }
    for (const { id } of all) points.enable(id, true);
    await go(150);
    for (const p of all) p.ignore = 1e9;
    expect((await control.continue()).kind).toBe('end');
    expect(stops.size).toBeGreaterThan(10);
    const met = all.filter(p => p.hits > 0).map(p => p.text);
    // Nothing faults, and the module is loaded once.
    expect(all.map(p => p.text).filter(t => !met.includes(t))).toEqual(['exception', 'unload', 'recovery']);
    expect(outcome(machine)).toEqual(outcome(plain.machine));
  });
});
