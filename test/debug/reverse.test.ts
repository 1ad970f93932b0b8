/** Running backwards on benchmarks: what is met forwards is met backwards, in the other order. */
import { describe, expect, it } from 'vitest';
import { bootImage } from '../../debug/boot.ts';
import { Debugger } from '../../debug/debugger.ts';
import { profiles } from '../../emu/profile/index.ts';
import { benchBytes, debugBench, MIB } from './rig.ts';

async function open(name: string, pause: () => Promise<boolean> = async () => false) {
  const target = bootImage(await benchBytes(name), name, {
    profile: profiles['p4-1700'],
    memoryBytes: 64 * MIB,
  });
  const debug = new Debugger(target, pause, { interval: 200_000 });
  const place = () => ({ step: debug.history.position().step, pc: target.pc(), esp: target.esp() });
  const { control, reverse, history } = debug;
  return { target, control, reverse, history, place, machine: target.machine };
}

describe('reverse-continue', () => {
  it('meets breakpoints, conditions and watchpoints in the other order', async () => {
    const { control, reverse, place, target } = await open('trap');
    await control.runTo(target.symbols.address('bench_run')!);
    const [esp] = [target.esp()];
    await control.stepi(200);
    const pc = target.pc();
    const breakpoint = control.points.add({ kind: 'breakpoint', text: `*${pc}`, addresses: [pc] });
    control.points.add({ kind: 'watchpoint', text: 'w', address: esp - 8, length: 4 });
    const met: { step: number; pc: number; ids: number[] }[] = [];
    for (let n = 0; n < 12; n++) {
      const stop = await control.continue();
      if (stop.kind !== 'points') throw new Error(stop.kind);
      met.push({ ...place(), ids: stop.hits.map(h => h.point.id) });
    }
    const { hits } = breakpoint;
    const back: typeof met = [];
    for (;;) {
      const stop = await reverse.continue();
      if (stop.kind !== 'points') {
        expect(stop.kind).toBe('beginning');
        break;
      }
      back.unshift({ ...place(), ids: stop.hits.map(h => h.point.id) });
    }
    // Backwards the guest stands before a write, not behind it; and it stood at the last meeting itself.
    const breaks = (list: typeof met) => list.filter(m => m.ids.includes(breakpoint.id)).map(m => m.step);
    expect(breaks(back).slice(-breaks(met).length + 1)).toEqual(breaks(met).slice(0, -1));
    expect(breaks(met).length).toBeGreaterThan(2);
    expect(breakpoint.hits).toBeGreaterThan(hits);
    const writes = (list: typeof met) => list.filter(m => !m.ids.includes(breakpoint.id)).map(m => m.step);
    expect(writes(met).every(step => writes(back).includes(step - 1))).toBe(true);
  });

  it('lets as many pass as it was told', async () => {
    const { control, reverse, place, target } = await open('call');
    await control.runTo(target.symbols.address('bench_run')!);
    await control.stepi(500);
    const pc = target.pc();
    const point = control.points.add({ kind: 'breakpoint', text: 'x', addresses: [pc] });
    const steps: number[] = [];
    for (let n = 0; n < 6; n++) {
      await control.continue();
      steps.push(place().step);
    }
    point.ignore = 2;
    await reverse.continue();
    expect(place().step).toBe(steps[2]);
    expect(point.ignore).toBe(0);
    await reverse.continue();
    expect(place().step).toBe(steps[1]);
  });

  it('can be ended by the user, who then stands where he stood', async () => {
    let wish = false;
    const { control, reverse, place, target } = await open('mem', async () => wish);
    await control.continue(3_000_000);
    const [before, cycles] = [place(), target.machine.cycles()];
    wish = true;
    expect(await reverse.continue()).toEqual({ kind: 'interrupted' });
    expect([place(), target.machine.cycles()]).toEqual([before, cycles]);
    expect(await reverse.lastWrite(0x30_0000, 4, true)).toBeNull();
    expect(place()).toEqual(before);
    wish = false;
    expect(await reverse.lastWrite(0x3f0_0000, 4, true)).toBeUndefined();
    expect(place()).toEqual(before);
  });
});

describe('steps backwards', () => {
  it('are those forwards', async () => {
    const { control, reverse, place, target } = await open('trap');
    await control.runTo(target.symbols.address('bench_run')!);
    const places = [place()];
    for (let n = 0; n < 120; n++) {
      await control.stepi();
      places.push(place());
    }
    for (const want of places.reverse().slice(1)) {
      expect(await reverse.stepi()).toEqual({ kind: 'done' });
      expect(place()).toEqual(want);
    }
    expect(await reverse.stepi(1_000_000_000)).toEqual({ kind: 'beginning' });
    expect(place().step).toBe(0);
    expect(await reverse.stepi()).toEqual({ kind: 'beginning' });
  });

  it('go over calls, into them, by lines and out', async () => {
    const { run } = await debugBench('call');
    const places = (text: string) =>
      [...text.matchAll(/^=> ([0-9a-f]+) <(\w+)/gm)].map(m => `${m[1]} ${m[2]}`);
    const lines = (text: string) => [...text.matchAll(/^(bench\S+:\d+) /gm)].map(m => m[1]);
    await run('until rt_puts');
    await run('next');
    // Calls, line by line, and back.
    const forth = await run(...Array(6).fill('next'));
    expect(places(forth).filter(p => p.endsWith('rt_main')).length).toBeGreaterThan(3);
    const back = await run(...Array(5).fill('reverse-next'));
    expect(places(back)).toEqual(places(forth).reverse().slice(1));
    // Into what was called: there the last line comes first.
    await run(...Array(5).fill('next'));
    const into = await run(...Array(4).fill('reverse-step'));
    expect(places(into).some(p => !p.endsWith('rt_main'))).toBe(true);
    expect(lines(into).some(l => l.startsWith('bench/guest/rt.c:'))).toBe(true);
    await run('goto 0', 'until inb');
    const out = await run('reverse-finish');
    expect(places(out)[0]).toContain('rt_putc');
    expect(out).toContain('call 0x');
    expect(places(await run('nexti', 'reverse-nexti'))[1]).toBe(places(out)[0]);
  });
});

describe('lastwrite', () => {
  it('names the instruction that a watchpoint meets', async () => {
    const { control, reverse, target, machine } = await open('call');
    await control.runTo(target.symbols.address('bench_run')!);
    const address = target.esp() - 8;
    control.points.add({ kind: 'watchpoint', text: 'w', address, length: 4 });
    let by: number | undefined;
    for (let n = 0; n < 3; n++) {
      const stop = await control.continue();
      if (stop.kind !== 'points') throw new Error(stop.kind);
      by = stop.hits[0].by;
    }
    const step = target.machine.cpu.instructions + machine.cpu.deliveries;
    await control.stepi(1);
    const found = await reverse.lastWrite(address, 4, false);
    expect(found).toMatchObject({ who: 'instruction', by });
    expect(found!.at.step).toBe(step - 1);
    expect(machine.cpu.instructions + machine.cpu.deliveries).toBe(step + 1);
    target.writeMemory(address, Uint8Array.of(7));
    expect(await reverse.lastWrite(address, 4, false)).toMatchObject({ who: 'debugger' });
  });

  it('and goto are commands', async () => {
    const { run, machine } = await debugBench('call');
    await run('break bench_run', 'continue');
    expect(await run('lastwrite $esp')).toMatch(/^written by [0-9a-f]{8} <.*at cycle [\d,.]+\n$/);
    const gone = await run('lastwrite -go $esp');
    expect(gone).toMatch(/cycle [\d,.]+\]\n=> /);
    const at = machine.cycles();
    expect(await run('goto +1000')).toContain('cycle');
    expect(machine.cycles()).toBeGreaterThanOrEqual(at + 1000);
    const there = machine.cycles();
    await run('goto 0');
    expect(machine.cycles()).toBe(0);
    await run(`goto ${Math.floor(there)}`);
    expect(machine.cycles()).toBe(there);
    expect(await run('goto x')).toContain('error: goto needs a cycle');
    expect(await run('lastwrite phys:0xfffffff0')).toContain('error: no RAM at physical 0xfffffff0');
    expect(await run('info history')).toMatch(/memory +[\d.]+ MiB of 512.0 MiB/);
    expect(await run('goto -5000')).not.toContain('error');
    expect(machine.cycles()).toBeLessThan(there);
    await run('stats');
    await run('goto 100');
    expect(await run('stats')).not.toContain('-');
  });
});
