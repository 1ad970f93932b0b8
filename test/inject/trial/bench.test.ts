/** Trials on the real guest: without faults, with ones that crash, hang, corrupt; again, to the cycle; and what is restored. */
import { beforeAll, describe, expect, it } from 'vitest';
import { findProfile } from '../../../emu/profile/index.ts';
import { buildGuest, type GuestBuild } from '../../../guest/build.ts';
import type { Configuration, Fault, Observation, TrialPlan } from '../../../inject/model.ts';
import { outcomeOf } from '../../../inject/outcome.ts';
import { Bench, DEFAULT_MINIMUM } from '../../../inject/trial/bench.ts';

const profile = findProfile('p4-1700');
const NATIVE: Configuration = { isolation: 'none', policy: null };
const NOOKS: Configuration = { isolation: 'nooks', policy: 'restart' };
let build: GuestBuild;
const benches = new Map<Configuration, Bench>();

function benchOf(configuration: Configuration): Bench {
  const made =
    benches.get(configuration) ??
    new Bench({ build, profile, configuration, driver: 'e1000', ...DEFAULT_MINIMUM });
  benches.set(configuration, made);
  made.warm();
  return made;
}

const planOf = (...faults: Fault[]): TrialPlan => ({
  ...{ driver: 'e1000', trial: 0, seed: 1, persistence: 'transient', delay: 1_000_000 },
  faults,
});

/** Machine code over the beginning of the transmit function. */
function overTransmit(bench: Bench, code: number[]): Fault {
  const { elf } = bench.session.images().find(i => i.name === 'e1000.ko')!;
  const symbol = elf.symbols.find(s => s.name === 'e1000_xmit_frame')!;
  return {
    type: 'TEXT',
    section: elf.sections[symbol.section].name,
    offset: symbol.value,
    patch: code.map((value, n) => ({ offset: symbol.value + n, mask: 0xff, value })),
  };
}
const ENDLESS = [0xeb, 0xfe];
/** MOV [0xC0100000], 0: kernel text. UD2. */
const WILD = [0xc7, 0x05, 0x00, 0x00, 0x10, 0xc0, 0, 0, 0, 0, 0x0f, 0x0b];

const events = (o: Observation) => o.events.map(e => e.event);

beforeAll(async () => {
  build = await buildGuest();
});

describe.each([NATIVE, NOOKS])('a trial without a fault, isolation $isolation', configuration => {
  it('shows nothing, has its minimum, and is the same again', () => {
    const bench = benchOf(configuration);
    const o = bench.run(planOf());
    expect(outcomeOf(o, planOf())).toBe('not executed');
    expect(o.applications.flatMap(a => [a.errors, a.damaged, ...a.notes])).toEqual(Array(8).fill(0));
    expect(o.applications.every(a => a.alive && a.doneLately > 0)).toBe(true);
    expect([o.kernelAlive, o.serviceAlive, o.badPackets, o.firstFailureAt]).toEqual([true, true, 0, null]);
    expect(o.packets).toBeGreaterThanOrEqual(DEFAULT_MINIMUM.minimumPackets);
    expect(o.endedAt - o.injectedAt).toBeGreaterThanOrEqual(DEFAULT_MINIMUM.minimumCycles);
    // A trial between that wrecks the machine changes nothing.
    bench.run(planOf(overTransmit(bench, WILD)));
    expect(bench.run(planOf())).toEqual(o);
  }, 120_000);
});

describe('an endless loop in the driver', () => {
  it('hangs the native kernel', () => {
    const bench = benchOf(NATIVE);
    const plan = planOf(overTransmit(bench, ENDLESS));
    const o = bench.run(plan);
    expect(outcomeOf(o, plan)).toBe('hang');
    expect(o.executedAt[0]).toBeGreaterThan(o.injectedAt);
  }, 60_000);
});

describe('a write to kernel text and an invalid opcode in the driver', () => {
  it('crash the native kernel', () => {
    const bench = benchOf(NATIVE);
    const plan = planOf(overTransmit(bench, WILD));
    const o = bench.run(plan);
    expect(outcomeOf(o, plan)).toBe('crash');
    expect(o.firstFailureAt).toBe(o.endedAt);
  }, 60_000);

  it('are detected under Nooks, and the driver comes back', () => {
    const bench = benchOf(NOOKS);
    const plan = planOf(overTransmit(bench, WILD));
    const o = bench.run(plan);
    expect(events(o)[0]).toBe('FAILED');
    expect(events(o)).toContain('RECOVERED');
    expect([o.end, o.kernelAlive, o.serviceAlive]).toEqual(['complete', true, true]);
    expect(outcomeOf(o, plan)).toMatch(/^recovered/);
    expect(bench.run(plan)).toEqual(o);
  }, 60_000);
});
