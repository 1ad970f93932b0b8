/**
 * Faults that happen when the driver runs, each in a booted guest: what the processor finds at the faulted instruction
 * is what a buggy driver would have left there, and nothing else is touched. Both isolations: the fault is the same.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { FaultTarget } from '../../../inject/faults/code.ts';
import { Injector } from '../../../inject/faults/inject.ts';
import { planTrial } from '../../../inject/faults/plan.ts';
import type { Fault, FaultTypeName } from '../../../inject/model.ts';
import { boot, e1000, planOf, type Rig, SETTINGS } from './rig.ts';

const ISOLATIONS = ['none', 'nooks'] as const;
const EAX = 0;
const ESP = 4;
const CALL_LENGTH = 5;

let target: FaultTarget;
const rigs = {} as Record<'none' | 'nooks', Rig>;
beforeAll(async () => {
  target = await e1000();
  const bounce = 'sleep 20; ifconfig eth0 down; ifconfig eth0 up; sleep 100000';
  for (const isolation of ISOLATIONS) rigs[isolation] = await boot(isolation, bounce);
}, 60_000);

/** The first planned fault of a type in a function, with some of its numbers changed. */
function planned(type: FaultTypeName, fn: string, parameters: Record<string, number> = {}, text = ''): Fault {
  const settings = { ...SETTINGS, types: [type], faultsPerTrial: 3 };
  for (let trial = 0; trial < 2000; trial++) {
    const found = planTrial(target, settings, trial).faults.find(
      f => f.symbol?.startsWith(`${fn}+`) && f.before?.includes(text),
    );
    if (found) return { ...found, parameters: { ...found.parameters, ...parameters } };
  }
  throw new Error(`no plan has ${type} in ${fn}`);
}

const linear = (rig: Rig, fault: Fault, more = 0) =>
  rig.session.modules()[0].textStart + (fault.offset ?? 0) + more;
const cpu = (rig: Rig) => rig.session.machine.cpu;

/** Does the fault for some milliseconds; `watch` may hook before and `after` behind the injector's own hooks. */
function suffer(
  rig: Rig,
  fault: Fault,
  ms: number,
  before: () => void,
  after: () => void = () => {},
): Injector {
  before();
  const injector = new Injector(rig.session, planOf([fault]));
  injector.inject();
  after();
  rig.run(ms);
  expect(injector.notInjected()).toEqual([]);
  return injector;
}

const hook = (rig: Rig, lin: number, fn: () => void) => rig.session.machine.engine.addHook(lin | 0, fn);

function bitsThatDiffer(a: Uint8Array, b: Uint8Array): number {
  let bits = 0;
  a.forEach((byte, n) => {
    for (let x = byte ^ b[n]; x; x &= x - 1) bits++;
  });
  return bits;
}

describe.each(ISOLATIONS)('in a driver with isolation %s', isolation => {
  it('ALLOC: the third allocation gives NULL, and only that one', () => {
    const rig = rigs[isolation];
    rig.warm();
    const fault = planned('ALLOC', 'e1000_refill_rx', { calls: 3 }, 'dev_alloc_skb');
    const results: number[] = [];
    const undo = hook(rig, linear(rig, fault, CALL_LENGTH), () => results.push(cpu(rig).r32[EAX]));
    const injector = suffer(rig, fault, 60, () => {});
    undo();
    injector.dispose();
    expect(results.length).toBeGreaterThan(3);
    expect(results.slice(0, 4).map(r => r === 0)).toEqual([false, false, true, false]);
    expect(injector.executedAt()[0]).not.toBeNull();
  });

  it('BCOPY: a length is longer by so much, once in so many calls', () => {
    const rig = rigs[isolation];
    rig.warm();
    const fault = planned('BCOPY', 'e1000_empty_tx', { calls: 1, overrun: 24 });
    const lengths: number[] = [];
    const length = () => lengths.push(rig.session.machine.peek32(cpu(rig).r32[ESP] + 8));
    const undo: (() => void)[] = [];
    const injector = suffer(
      rig,
      fault,
      60,
      () => undo.push(hook(rig, linear(rig, fault), length)),
      () => undo.push(hook(rig, linear(rig, fault), length)),
    );
    for (const remove of undo) remove();
    injector.dispose();
    expect(lengths.length).toBeGreaterThanOrEqual(2);
    expect(lengths[1]).toBe(lengths[0] + 24);
  });

  it('DIRECT: a store is done once more, where the kernel does not expect it', () => {
    const rig = rigs[isolation];
    rig.warm();
    const { machine } = rig.session;
    const wild = 0xc000_0000 + 4096 + Math.floor(0.9 * ((machine.ramSize - 4096) / 4)) * 4;
    const fault = planned('DIRECT', 'e1000_xmit_frame', { calls: 2, where: Math.floor(0.9 * 2 ** 32) });
    const injector = suffer(rig, fault, 40, () => {});
    injector.dispose();
    expect(injector.executedAt()[0]).not.toBeNull();
    const hex = wild.toString(16);
    if (isolation === 'nooks')
      expect(rig.text()).toMatch(new RegExp(`e1000 failed: page fault.*address ${hex.slice(0, 5)}`));
    else expect(rig.text()).not.toMatch(/failed/);
  });

  it('DMA: the card reads the kernel’s image in place of the packet', () => {
    const rig = rigs[isolation];
    rig.warm();
    const { machine } = rig.session;
    const reads: number[] = [];
    machine.cpu.mmu.onMaster = (pa, _, write) => void (write || reads.push(pa));
    const fault = planned('DMA', 'e1000_xmit_frame', { calls: 2, where: 2 ** 31 });
    const image = rig.session.address('_kernel_start') - 0xc000_0000;
    const end = rig.session.address('_end') - 0xc000_0000;
    const injector = suffer(rig, fault, 40, () => {});
    machine.cpu.mmu.onMaster = null;
    injector.dispose();
    expect(injector.executedAt()[0]).not.toBeNull();
    expect(reads.filter(pa => pa >= image && pa < end).length).toBe(1);
  });

  it('BAD-DATA: one bit of what goes to the device is wrong, once', () => {
    const rig = rigs[isolation];
    rig.warm();
    const fault = planned('BAD-DATA', 'e1000_xmit_frame', { calls: 2, bit: 20 }, 'eax');
    const values: [number, number][] = [];
    let own = 0;
    const undo: (() => void)[] = [];
    const injector = suffer(
      rig,
      fault,
      15,
      () => undo.push(hook(rig, linear(rig, fault), () => (own = cpu(rig).r32[EAX]))),
      () => undo.push(hook(rig, linear(rig, fault), () => values.push([own, cpu(rig).r32[EAX]]))),
    );
    for (const remove of undo) remove();
    injector.dispose();
    expect(values.length).toBeGreaterThan(3);
    expect(values.slice(0, 4).map(([was, is]) => was ^ is)).toEqual([0, 1 << 20, 0, 0]);
  });

  it('STACK: one bit of its live frames, at the call that was drawn', () => {
    const rig = rigs[isolation];
    rig.warm();
    const fault = planned('STACK', 'e1000_xmit_frame', { calls: 2, where: 2 ** 31, bit: 5 });
    const stacks: Uint8Array[] = [];
    const stack = () => {
      const esp = cpu(rig).r32[ESP];
      const room = Math.min(512, 4096 - (esp & 0xfff));
      stacks.push(Uint8Array.from({ length: room }, (_, n) => rig.session.machine.peek8(esp + n)));
    };
    const undo: (() => void)[] = [];
    const injector = suffer(
      rig,
      fault,
      15,
      () => undo.push(hook(rig, linear(rig, fault), stack)),
      () => undo.push(hook(rig, linear(rig, fault), stack)),
    );
    for (const remove of undo) remove();
    injector.dispose();
    expect(bitsThatDiffer(stacks[0], stacks[1])).toBe(0);
    expect(bitsThatDiffer(stacks[2], stacks[3])).toBe(1);
  });

  it('HEAP: one bit of a live object, at once', () => {
    const rig = rigs[isolation];
    rig.warm();
    const { machine } = rig.session;
    const before = machine.readPhysical(0, machine.ramSize);
    const fault: Fault = { type: 'HEAP', parameters: { object: 2 ** 31, where: 2 ** 31, bit: 3 } };
    const injector = new Injector(rig.session, planOf([fault]));
    injector.inject();
    injector.dispose();
    expect(injector.notInjected()).toEqual([]);
    expect(bitsThatDiffer(before, machine.readPhysical(0, machine.ramSize))).toBe(1);
  });

  it('PANIC: the driver calls panic', () => {
    const rig = rigs[isolation];
    rig.warm();
    const settings = { ...SETTINGS, types: ['PANIC' as const], faultsPerTrial: 3 };
    const fault = Array.from({ length: 500 }, (_, trial) => planTrial(target, settings, trial).faults)
      .flat()
      .find(f => f.symbol === 'e1000_xmit_frame');
    if (!fault) throw new Error('no plan has PANIC in e1000_xmit_frame');
    const injector = new Injector(rig.session, planOf([fault]));
    injector.inject();
    const end = rig.run(60);
    injector.dispose();
    expect(injector.executedAt()[0]).not.toBeNull();
    if (isolation === 'nooks')
      expect([end, rig.text()]).toEqual(['limit', expect.stringMatching(/e1000 failed/)]);
    else expect(end).toBe('exit 99');
  });
});
