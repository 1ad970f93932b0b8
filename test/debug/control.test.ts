/** Steps that are more than an instruction: by line, over calls and crossings, through interrupts, in recursion. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Control } from '../../debug/control.ts';
import type { Stop } from '../../debug/model.ts';
import { returning } from '../../debug/stepper.ts';
import { buildGuest, type GuestBuild } from '../../guest/build.ts';
import { controlKernel, outcome } from './kernel-rig.ts';
import { debugBench, debugImage } from './rig.ts';

const ECX = 1;
/** Its bytes. */
const CALL_EDX = 0xd2ff;

let build: GuestBuild;

beforeAll(async () => {
  build = await buildGuest();
});

const done: Stop = { kind: 'done' };

describe('by line', () => {
  it('stops where lines begin, and never twice on one', async () => {
    const { target } = await debugBench('call');
    const control = new Control(target, async () => false);
    await control.runTo(target.symbols.address('bench_run')!);
    let before = target.sourceAt(target.pc());
    let steps = 0;
    for (; steps < 1000; steps++) {
      const depth = target.esp();
      const stop = await control.next();
      if (stop.kind === 'end') break;
      expect(stop).toEqual(done);
      const now = target.lineRange(target.pc())!;
      const line = `${now.file}:${now.line}`;
      // A return may lead into the middle of a line; else a statement begins.
      if (target.esp() <= depth)
        expect(target.isStatement(target.pc()) && now.from === target.pc()).toBe(true);
      expect(line).not.toBe(before);
      before = line;
    }
    expect(steps).toBeGreaterThan(3);
  });

  it('next runs a driver call through, step goes into it and comes back', async () => {
    const { target, control, here } = controlKernel(build);
    const { symbols } = target;
    const run = async (how: 'step' | 'next') => {
      const kernel = controlKernel(build);
      await kernel.control.runTo(symbols.address('udp_sendmsg')!);
      await kernel.control.runTo(symbols.address('nd_hard_start_xmit')!);
      const seen: (string | undefined)[] = [];
      while (kernel.here() !== 'qdisc_run' && seen.length < 400) {
        expect(await kernel.control[how](1, 1e9)).toEqual(done);
        if (seen.at(-1) !== kernel.here()) seen.push(kernel.here());
      }
      return seen;
    };
    const over = await run('next');
    expect(over.filter(f => f !== 'nd_hard_start_xmit')).toEqual(['qdisc_run']);
    const into = await run('step');
    for (const f of ['nooks_driver_call', 'nooks_enter_domain', 'e1000_xmit_frame'])
      expect(into).toContain(f);
    // There and back again.
    expect(into.lastIndexOf('nooks_enter_domain')).toBeGreaterThan(into.indexOf('e1000_xmit_frame'));
    expect(into.at(-1)).toBe('qdisc_run');
    expect(here()).not.toBe('qdisc_run');
    expect(control.points.all()).toEqual([]);
  });

  it('is not lost in the handler of an interrupt', async () => {
    // Where does the timer interrupt code that has lines?
    const first = controlKernel(build);
    await first.control.runTo(first.target.symbols.address('udp_sendmsg')!);
    const point = first.points.add({ kind: 'catchpoint', event: 'interrupt' });
    let by = 0;
    let at = 0;
    let instructions = 0;
    let line: string | undefined;
    let fn: string | undefined;
    do {
      const stop = await first.control.continue(1e9);
      if (stop.kind !== 'points') throw new Error(`no interrupt: ${stop.kind}`);
      by = stop.hits[0].by!;
      at = first.machine.cycles();
      instructions = first.machine.cpu.instructions;
      line = first.target.sourceAt(by);
      fn = first.target.symbols.lookup(by)?.symbol.name;
    } while (line === undefined || fn === undefined || fn === 'cpu_idle');
    expect(point.hits).toBeGreaterThan(0);

    for (const how of ['step', 'next'] as const) {
      const { target, machine, control, here } = controlKernel(build);
      await control.runTo(target.symbols.address('udp_sendmsg')!);
      await control.continue(at - machine.cycles() - 2000);
      // Up to the instruction before which it comes.
      while (machine.cpu.instructions < instructions) await control.stepi();
      expect(target.pc()).toBe(by);
      const deliveries = machine.cpu.deliveries;
      expect(await control[how](1, 1e9)).toEqual(done);
      expect(machine.cpu.deliveries).toBeGreaterThan(deliveries);
      expect(target.sourceAt(target.pc())).not.toMatch(/entry\.S|irq|trap/);
      expect(here()).not.toMatch(/^(trap|do_irq|ret_from)/);
    }
  });

  it('until leaves a loop, finish the function, stepx runs to the next crossing', async () => {
    const { target, control, here } = controlKernel(build);
    await control.runTo(target.symbols.address('e1000_probe') ?? target.symbols.address('sys_init_module')!);
    expect(await control.untilXpc('in')).toEqual(done);
    expect(here()).toBe('nooks_enter_domain');
    expect(await control.untilXpc('out')).toEqual(done);
    expect(here()).toMatch(/^nooks_(kernel_call|enter_domain)$/);
    expect(await control.untilXpc()).toEqual(done);
    await control.runTo(target.symbols.address('e1000_xmit_frame')!);
    expect(await control.finish()).toEqual(done);
    expect(here()).toBe('nooks_enter_domain');
    const { target: bench } = await debugBench('call');
    await expect(async () => new Control(bench, async () => false).untilXpc()).rejects.toThrow('crossings');
  });

  it('ends in the caller when the call is given up', async () => {
    const { target, machine, control, points, here } = controlKernel(build);
    await control.runTo(target.symbols.address('udp_sendmsg')!);
    await control.runTo(target.symbols.address('nooks_enter_domain')!);
    // The driver's function, whichever is called, begins with an undefined instruction.
    const called = target.value(target.esp() + 8, 4);
    machine.writePhysical(machine.cpu.mmu.peekTranslate(called | 0), Uint8Array.of(0x0f, 0x0b));
    const caller = target.symbols.lookup(target.value(target.esp(), 4))!.symbol.name;
    const failed = points.add({ kind: 'catchpoint', event: 'recovery', filter: 'FAILED', ignore: 1e9 });
    while (target.value(target.pc(), 2) !== CALL_EDX) await control.stepi();
    expect([here(), failed.hits]).toEqual(['nooks_enter_domain', 0]);
    expect(await control.nexti(1, 1e9)).toEqual(done);
    expect([here(), failed.hits]).toEqual([caller, 1]);
  });
});

describe('the same code, another frame', () => {
  /** A Multiboot image (a.out kludge at 1 MiB) of the given code at 0x100020. */
  function image(code: number[]): Uint8Array {
    const bytes = new Uint8Array(4096);
    const view = new DataView(bytes.buffer);
    const flags = 1 << 16;
    const at = 0x100000;
    const header = [0x1badb002, flags, -(0x1badb002 + flags), at, at, at + 4096, at + 4096, at + 0x20];
    for (const [n, v] of header.entries()) view.setInt32(4 * n, v | 0, true);
    bytes.set(code, 0x20);
    return bytes;
  }

  it('a recursive call is gone over, not into', async () => {
    const code = [
      ...[0xbc, 0, 0, 9, 0], // mov esp, 0x90000
      ...[0xb9, 5, 0, 0, 0], // mov ecx, 5
      ...[0xe8, 2, 0, 0, 0], // call f
      ...[0xeb, 0xfe], // spin
      0x49, // f: dec ecx
      ...[0x74, 6], // jz done
      ...[0xe8, 0xf8, 0xff, 0xff, 0xff], // call f
      0x90, // nop
      0xc3, // done: ret
    ];
    const { target, machine } = debugImage(image(code), 'recursion');
    const control = new Control(target, async () => false);
    const call = 0x100020 + 20;
    await control.runTo(call);
    await control.runTo(call);
    expect(machine.cpu.r32[ECX]).toBe(3);
    const esp = target.esp();
    expect(await control.nexti()).toEqual(done);
    expect([target.pc(), target.esp(), machine.cpu.r32[ECX]]).toEqual([call + 5, esp, 0]);
    // Steps to a breakpoint meet it once.
    const point = control.points.add({ kind: 'breakpoint', text: '*0x10003a' });
    expect(await control.stepi()).toMatchObject({ kind: 'points' });
    await control.stepi();
    expect(point.hits).toBe(1);
  });

  it('another task at the same place is not the one that called', async () => {
    const { target, machine, control } = controlKernel(build);
    const task = target.symbols.address('current_task')!;
    await control.runTo(target.symbols.address('schedule')!);
    const [me, back, esp] = [target.value(task, 4), target.value(target.esp(), 4), target.esp() + 4];
    const goal = returning(target, back, target.esp());
    expect(goal.when()).toBe(true);
    const physical = machine.cpu.mmu.peekTranslate(task | 0);
    const set = (value: number) =>
      machine.writePhysical(physical, new Uint8Array(Uint32Array.of(value).buffer));
    set(me + 4096);
    expect(goal.when()).toBe(false);
    set(me);
    // The task sleeps in schedule(), others run, and it comes back.
    const others = new Set<number>();
    machine.engine.addHook(target.symbols.address('schedule')!, () => void others.add(target.value(task, 4)));
    expect(await control.finish(1e9)).toEqual(done);
    expect([target.value(task, 4), target.pc(), target.esp()]).toEqual([me, back, esp]);
    expect(others.size).toBeGreaterThan(1);
  });
});

it('stepping by line leaves no trace in the run', async () => {
  const plain = controlKernel(build);
  await plain.control.continue();
  const { target, machine, control } = controlKernel(build);
  await control.runTo(target.symbols.address('udp_sendmsg')!);
  for (let n = 0; n < 300; n++) await (n % 3 === 0 ? control.next() : control.step());
  await control.untilXpc();
  await control.until(1e7);
  await control.finish();
  expect((await control.continue()).kind).toBe('end');
  expect(outcome(machine)).toEqual(outcome(plain.machine));
});
