/** Going back and forth: every place that was gone to is the one that was left, and the run ends as it would have. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { History, later } from '../../debug/history.ts';
import type { Position } from '../../debug/model.ts';
import type { Target } from '../../debug/target.ts';
import { debugBench } from './rig.ts';

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What a guest or its clock could tell apart. */
function state({ machine }: Target) {
  const { cpu, accounting, engine } = machine;
  const { mmu } = cpu;
  expect(accounting.sum()).toBe(machine.clock.now());
  return {
    ticks: machine.clock.now() - engine.ahead,
    registers: [...cpu.r32],
    counts: [cpu.instructions, cpu.deliveries, mmu.loads, mmu.stores, mmu.fetches],
    tlbs: mmu.tlbs().map(t => hash(new Uint8Array(Int32Array.of(t.misses, ...t.key, ...t.frame).buffer))),
    caches: [mmu.hierarchy.l1i, mmu.hierarchy.l1d, mmu.hierarchy.l2].map(c => [
      c.misses,
      hash(bytesOf(c.tags)),
    ]),
    ram: hash(machine.state.ram8()),
  };
}

function bytesOf(a: Int32Array): Uint8Array {
  return new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
}

/** Deterministic numbers. */
function random(seed: number): (below: number) => number {
  return below => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
}

describe.each([
  ['pgswitch', 'p4-1700'],
  ['trap', 'p4-1700'],
  ['fault', 'p3-1000'],
] as const)('%s on %s', (name, profile) => {
  it('is at each place as it was', async () => {
    const { target, machine } = await debugBench(name, profile);
    const history = new History(target, { interval: 300_000 });
    const pick = random(5);
    const places: { at: Position; state: ReturnType<typeof state> }[] = [];
    for (let n = 0; n < 14; n++) {
      machine.run(machine.cycles() + 50_000 + pick(300_000));
      history.progress();
      for (let k = pick(40); k >= 0; k--) machine.step();
      places.push({ at: history.position(), state: state(target) });
    }
    expect(history.facts().snapshots).toBeGreaterThan(3);
    const order = places.map((_, n) => n).sort(() => pick(3) - 1);
    for (const n of [...order, 0, places.length - 1]) {
      history.goTo(places[n].at);
      expect(history.position(), `place ${n}`).toEqual(places[n].at);
      expect(state(target), `place ${n}`).toEqual(places[n].state);
    }
    // From the past the run goes the same way once more.
    history.goTo(places[3].at);
    while (history.position().step < places[6].at.step) machine.step();
    expect(state(target)).toEqual(places[6].state);
  });
});

describe('steps', () => {
  it('are all found again, the latest first', async () => {
    const { target, machine } = await debugBench('trap');
    const history = new History(target);
    machine.run(1_500_000);
    const places: { at: Position; pc: number; esp: number; ticks: number }[] = [];
    for (let n = 0; n < 250; n++) {
      const [at, pc, esp] = [history.position(), target.pc(), target.esp()];
      places.push({ at, pc, esp, ticks: machine.clock.now() });
      machine.step();
    }
    for (const { at, pc, esp, ticks } of places.reverse()) {
      history.goTo(at);
      expect([target.pc(), target.esp(), machine.clock.now()]).toEqual([pc, esp, ticks]);
    }
  });
});

describe('the budget', () => {
  it('is kept to, and every moment stays in reach', async () => {
    const { target, machine } = await debugBench('mem');
    const budget = 2 << 20;
    const history = new History(target, { interval: 20_000, budget });
    const places: { at: Position; ticks: number }[] = [];
    let most = 0;
    for (let n = 0; n < 400 && machine.run(machine.cycles() + 25_000).reason === 'limit'; n++) {
      history.progress();
      most = Math.max(most, history.facts().snapshots);
      if (n % 40 === 7)
        places.push({ at: history.position(), ticks: machine.clock.now() - machine.engine.ahead });
      expect(history.facts().bytes).toBeLessThanOrEqual(budget);
    }
    const { snapshots, first, bytes } = history.facts();
    expect(places.length).toBeGreaterThan(4);
    expect(bytes).toBeGreaterThan(budget / 2);
    expect(snapshots).toBeGreaterThan(5);
    expect(first.step).toBe(0);
    for (const { at, ticks } of places.reverse()) {
      history.goTo(at);
      expect(machine.clock.now()).toBe(ticks);
      expect(history.facts().bytes).toBeLessThanOrEqual(budget);
    }
  });
});

describe('what the debugger writes', () => {
  it('is part of the run, and makes another future', async () => {
    const { target, machine } = await debugBench('call');
    const history = new History(target, { interval: 100_000 });
    let forgotten = 0;
    history.onForgotten = () => forgotten++;
    machine.run(400_000);
    history.progress();
    machine.step();
    const address = 0x30_0000;
    target.writeMemory(address, Uint8Array.of(1, 2, 3));
    target.writeRegister('ecx', 0x12345678);
    const written = history.position();
    expect(forgotten).toBe(0);
    machine.run(900_000);
    history.progress();
    machine.step();
    const [end, after] = [history.position(), state(target)];
    history.goTo({ ...written, step: written.step - 5 });
    expect([...target.bytes(address, 3)]).toEqual([0, 0, 0]);
    history.goTo(written);
    expect([...target.bytes(address, 3)]).toEqual([1, 2, 3]);
    expect(machine.cpu.r32[1]).toBe(0x12345678);
    history.goTo(end);
    expect(state(target)).toEqual(after);
    // A run forwards from before does them too.
    history.goTo({ ...written, step: written.step - 50 });
    while (later(end, history.position())) {
      machine.step();
      history.progress();
    }
    expect(state(target)).toEqual(after);
    history.goTo({ ...written, step: written.step + 100 });
    target.writeRegister('ecx', 3);
    expect(forgotten).toBe(1);
    expect(history.inPast()).toBe(false);
    expect(history.last().step).toBe(written.step + 100);
    expect(machine.cpu.r32[1]).toBe(3);
    history.goTo(written);
    expect(machine.cpu.r32[1]).toBe(0x12345678);
    expect(() => target.writeMemory(0xf000_0000, Uint8Array.of(1))).toThrow('nothing to write');
    expect(() => target.writeRegister('cr3', 1)).toThrow('cannot be written');
  });
});

describe('checkpoints of the machine', () => {
  it('and a history do not disturb each other', async () => {
    const { target, machine } = await debugBench('mem');
    const history = new History(target, { interval: 50_000 });
    machine.run(300_000);
    history.progress();
    machine.step();
    const [a, atA] = [history.position(), state(target)];
    const checkpoint = machine.checkpoint();
    machine.run(600_000);
    history.progress();
    machine.step();
    const [b, atB] = [history.position(), state(target)];
    machine.revert(checkpoint);
    expect(state(target)).toEqual(atA);
    history.goTo(b);
    expect(state(target)).toEqual(atB);
    machine.revert(checkpoint);
    expect(state(target)).toEqual(atA);
    machine.run(450_000);
    machine.revert(checkpoint);
    expect(state(target)).toEqual(atA);
    history.goTo(b);
    history.goTo(a);
    expect(state(target)).toEqual(atA);
  });
});
