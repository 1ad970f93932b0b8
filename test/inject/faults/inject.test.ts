/** Faults in a booted guest: exactly the planned bytes, the cycle of first execution, persistence over a reload. */
import { beforeAll, describe, expect, it } from 'vitest';
import { driverCode, type FaultTarget } from '../../../inject/faults/code.ts';
import { Injector } from '../../../inject/faults/inject.ts';
import { planTrial } from '../../../inject/faults/plan.ts';
import type { Fault, Persistence } from '../../../inject/model.ts';
import { boot, e1000, planOf, type Rig, SETTINGS } from './rig.ts';

let target: FaultTarget;
const rigs = {} as Record<'none' | 'nooks', Rig>;
beforeAll(async () => {
  target = await e1000();
  rigs.none = await boot('none');
  rigs.nooks = await boot('nooks', 'sleep 30; nooksctl fail e1000; sleep 100000');
}, 60_000);

/** The text as it is in guest memory. */
function textOf({ session }: Rig): Uint8Array {
  const { textStart } = session.modules()[0];
  const length = driverCode(target).section.data.length;
  return Uint8Array.from({ length }, (_, n) => session.machine.peek8((textStart + n) | 0));
}

function entryOf(name: string): number {
  const fn = driverCode(target).functions.find(f => f.name === name);
  if (!fn) throw new Error(name);
  return fn.start;
}

const nopAt = (offset: number, length: number): Fault => ({
  type: 'NOP',
  section: '.text',
  offset,
  patch: Array.from({ length }, (_, n) => ({ offset: offset + n, mask: 0xff, value: 0x90 })),
});

/** The call of a function in another, as the fault would name it. */
function callAt(fn: string, callee: string): number {
  const found = driverCode(target)
    .functions.find(f => f.name === fn)
    ?.instructions.find(i => i.relocation === callee);
  if (!found) throw new Error(`${fn} does not call ${callee}`);
  return found.offset;
}

describe('an injected fault', () => {
  for (const isolation of ['none', 'nooks'] as const)
    it(`changes the planned bytes and no others, and is gone with the snapshot (${isolation})`, () => {
      const rig = rigs[isolation];
      rig.warm();
      const before = textOf(rig);
      const at = entryOf('e1000_xmit_frame') + 0x21;
      const injector = new Injector(rig.session, planOf([nopAt(at, 6)]));
      injector.inject();
      const after = textOf(rig);
      const changed = [...after.keys()].filter(n => after[n] !== before[n]);
      expect(changed.length).toBeGreaterThan(0);
      expect(changed.every(n => n >= at && n < at + 6 && after[n] === 0x90)).toBe(true);
      expect(injector.notInjected()).toEqual([]);
      injector.dispose();
      rig.warm();
      expect(textOf(rig)).toEqual(before);
    });

  it('says the exact cycle of its first execution, and none when it does not run', () => {
    const rig = rigs.nooks;
    rig.warm();
    const { machine } = rig.session;
    const at = entryOf('e1000_xmit_frame') + 0x21;
    let seen = -1;
    const remove = machine.engine.addHook(rig.session.modules()[0].textStart + at, () => {
      if (seen < 0) seen = machine.cycles();
    });
    const effects: number[] = [];
    const plan = planOf([nopAt(at, 6), nopAt(entryOf('e1000_probe') + 9, 3)]);
    const injector = new Injector(rig.session, plan, (index, cycle) => effects.push(index, cycle));
    injector.inject();
    rig.run(15);
    remove();
    injector.dispose();
    expect(seen).toBeGreaterThan(0);
    expect(injector.executedAt()).toEqual([seen, null]);
    expect(effects).toEqual([0, seen]);
  });

  it("happens at the driver's call: a packet freed twice is noticed", () => {
    const rig = rigs.nooks;
    rig.warm();
    const offset = callAt('e1000_clean_tx', 'dev_kfree_skb_any');
    const fault: Fault = { type: 'DOUBLE-FREE', section: '.text', offset, parameters: { calls: 3 } };
    const injector = new Injector(rig.session, planOf([fault]));
    injector.inject();
    rig.run(25);
    expect(injector.executedAt()[0]).not.toBeNull();
    expect(rig.text()).toMatch(/dev_kfree_skb_any.*not a live packet/);
    injector.dispose();
  });

  it("leaves the driver's code as it was when its moment is over: leaks", () => {
    const rig = rigs.nooks;
    rig.warm();
    const offset = callAt('e1000_clean_tx', 'dev_kfree_skb_any');
    const fault: Fault = { type: 'LEAK', section: '.text', offset, parameters: { calls: 2 } };
    const before = textOf(rig);
    const injector = new Injector(rig.session, planOf([fault]));
    injector.inject();
    rig.run(15);
    expect(injector.executedAt()[0]).not.toBeNull();
    expect(textOf(rig)).toEqual(before);
    injector.dispose();
  });

  it("frees what the driver still has: the kernel's calls show it", () => {
    const rig = rigs.none;
    rig.warm();
    const { machine } = rig.session;
    const offset = callAt('e1000_clean_tx', 'dev_kfree_skb_any');
    const esp = () => machine.cpu.r32[4];
    const calls: { site: boolean; packet: number }[] = [];
    const site = (rig.session.modules()[0].textStart + offset) | 0;
    const remove = [
      machine.engine.addHook(site, () => calls.push({ site: true, packet: machine.peek32(esp()) })),
      machine.engine.addHook(rig.session.address('dev_kfree_skb_any'), () =>
        calls.push({ site: false, packet: machine.peek32((esp() + 4) | 0) }),
      ),
    ];
    const fault: Fault = { type: 'FREE', section: '.text', offset, parameters: { calls: 2 } };
    const injector = new Injector(rig.session, planOf([fault]));
    injector.inject();
    for (let n = 0; n < 25; n++) {
      // What is freed early is what the driver allocated last, for a frame that came.
      rig.ask();
      rig.run(1);
    }
    for (const r of remove) r();
    injector.dispose();
    expect(injector.executedAt()[0]).not.toBeNull();
    const sites = new Set(calls.filter(c => c.site).map(c => c.packet));
    // A packet that the driver did not mean to free at this place.
    expect(calls.some(c => !c.site && !sites.has(c.packet))).toBe(true);
  });

  it('writes into a packet that was freed', () => {
    const rig = rigs.none;
    rig.warm();
    const { machine } = rig.session;
    const offset = callAt('e1000_clean_tx', 'dev_kfree_skb_any');
    const settings = { ...SETTINGS, types: ['USE-AFTER-FREE' as const], faultsPerTrial: 1 };
    const trials = Array.from({ length: 200 }, (_, trial) => planTrial(target, settings, trial));
    const { faults } = trials.find(({ faults: [fault] }) => fault.offset === offset)!;
    let freed = 0;
    let before: number[] = [];
    let after: number[] = [];
    const look = () => Array.from({ length: 32 }, (_, n) => machine.peek8((freed + n) | 0));
    const remove = machine.engine.addHook((rig.session.modules()[0].textStart + offset) | 0, () => {
      if (before.length === 0) freed = machine.peek32(machine.cpu.r32[4]);
    });
    const injector = new Injector(rig.session, planOf(faults), () => {
      before = look();
      machine.engine.stop();
    });
    injector.inject();
    for (let n = 0; n < 60 && before.length === 0; n++) rig.run(1);
    rig.run(0.001);
    after = look();
    remove();
    injector.dispose();
    expect(injector.executedAt()[0]).not.toBeNull();
    // One word, and nothing else has been there.
    const changed = [...after.keys()].filter(n => after[n] !== before[n]);
    expect(changed.length).toBeGreaterThan(0);
    expect(new Set(changed.map(n => n >> 2)).size).toBe(1);
  });

  it('cannot be done to a driver that is not there', () => {
    const rig = rigs.none;
    rig.warm();
    const injector = new Injector(rig.session, { ...planOf([nopAt(0, 1)]), driver: 'other' });
    injector.inject();
    expect(injector.notInjected()).toEqual([0]);
    injector.dispose();
  });
});

describe('after a reload of the driver', () => {
  const reload = (persistence: Persistence) => {
    const rig = rigs.nooks;
    rig.warm();
    const clean = textOf(rig);
    // A place that runs at no load and in no stream.
    const at = entryOf('e1000_ioctl') + 9;
    const injector = new Injector(rig.session, planOf([nopAt(at, 3)], persistence));
    injector.inject();
    let loads = 0;
    const remove = rig.session.machine.engine.addHook(rig.session.address('module_event'), () => loads++);
    rig.run(100);
    remove();
    injector.dispose();
    expect(loads).toBeGreaterThanOrEqual(2);
    return [...textOf(rig).slice(at, at + 3)].join() === [0x90, 0x90, 0x90].join() && clean[at] !== 0x90;
  };
  it('a deterministic fault is there again', () => expect(reload('deterministic')).toBe(true));
  it('a transient fault is gone', () => expect(reload('transient')).toBe(false));
});
