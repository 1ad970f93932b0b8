/**
 * The engines in step over what the project runs: our kernel with and without a domain, cut and restored at random, and
 * trials of faults. And the harness itself: whatever is changed in one of two machines, it sees.
 *
 * NOOKS86_FUZZ=n: programs on all profiles, and n trials in two configurations.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { EngineKind } from '../../../emu/board.ts';
import type { Machine } from '../../../emu/machine.ts';
import { profiles } from '../../../emu/profile/index.ts';
import { buildGuest, type GuestBuild } from '../../../guest/build.ts';
import { Session } from '../../../guest/session.ts';
import { planTrial } from '../../../inject/faults/plan.ts';
import type { Configuration } from '../../../inject/model.ts';
import { Bench } from '../../../inject/trial/bench.ts';
import { e1000, SETTINGS } from '../../inject/faults/rig.ts';
import { generate } from './fuzz/generate.ts';
import { build as buildCase } from './fuzz/world.ts';
import { type Act, lockstep } from './lockstep.ts';
import { differences } from './observe.ts';
import { random } from './world.ts';

const LONG = process.env.NOOKS86_FUZZ;

let build: GuestBuild;
beforeAll(async () => {
  build = await buildGuest();
});

describe('the harness sees', () => {
  const pair = () => {
    const c = generate('p4-1700', 3, 'translations');
    const machines = (['interpreter', 'compiled'] as const).map(engine => buildCase(c, engine));
    for (const m of machines) m.run(20_000);
    expect(differences(machines[0], machines[1])).toEqual([]);
    return machines;
  };
  const changes: Record<string, (m: Machine) => void> = {
    'a register': m => void (m.cpu.r32[3] ^= 1),
    'an arithmetic flag': m => {
      m.cpu.eflags ^= 0x10;
    },
    'a segment': m => m.cpu.setSegment(5, 0x23, 4, 0xffff, 0xcff300),
    'a byte of memory': m => void (m.state.ram8()[0x4_1234] ^= 1),
    'the clock and the matrix': m => m.accounting.charge(3, 1),
    'the region': m => {
      m.accounting.region ^= 1;
    },
    'a TLB entry': m => void (m.cpu.mmu.dtlb.frame[m.cpu.mmu.dtlb.key.findIndex(k => k !== -1)] ^= 0x1000),
    'the order of a TLB': m => {
      const { dtlb } = m.cpu.mmu;
      const held = [...dtlb.key.keys()].filter(e => dtlb.key[e] !== -1);
      dtlb.touch(held.reduce((oldest, e) => (dtlb.lastUse(e) < dtlb.lastUse(oldest) ? e : oldest)));
    },
    'a twin': m => m.cpu.mmu.dtlb.invalidate(m.cpu.mmu.dtlb.twinKey.find(k => k >= 0 && k < 1 << 20)! << 12),
    'a line of L2': m => m.cpu.mmu.hierarchy.l2.insert(0x1234, true),
    'the order of L1D': m => {
      const { tags, ways } = m.cpu.mmu.hierarchy.l1d;
      const set = tags.findIndex((v, n) => n % ways === 1 && v !== -1) - 1;
      tags.subarray(set, set + 2).reverse();
    },
    'a stream': m => m.cpu.mmu.hierarchy.load(0xf_0000),
    'a counter of the predictor': m => void (m.cpu.predictor.counters[77] ^= 1),
    'a return address': m => m.cpu.predictor.call(5),
    'a count': m => void m.cpu.mmu.loads++,
    'a delivery': m => void m.cpu.deliveries++,
    'a deadline': m => m.space.writePort(0x43, 1, 0x30),
    'a register of the FPU': m => m.cpu.fpu.setImage(2, 1, 2, 3),
    'a page that may have been written': m => void m.cpu.mmu.dirty.fill(0),
    'a shadow': m => {
      m.cpu.shadow = true;
    },
  };
  it.each(Object.entries(changes))('%s', (_, change) => {
    const [one, two] = pair();
    change(two);
    expect(differences(one, two)).not.toEqual([]);
  });

  it('where two guests part, and what led there', () => {
    const { parting } = lockstep(
      engine => {
        const m = buildCase(generate('flat', 1, 'plain'), engine);
        // One of them counts an instruction twice from there on.
        if (engine === 'compiled') m.cpu.mmu.watches.add({ address: 0x4_f004, length: 4, physical: true });
        if (engine === 'compiled')
          m.clock.schedule(
            m.clock.register('bad', () => void m.cpu.instructions++),
            333,
          );
        else m.clock.register('bad', () => {});
        return m;
      },
      [
        { act: 'run', ticks: 100 },
        { act: 'run', ticks: 1000 },
      ],
    );
    expect(parting?.act).toBe(0);
    expect(parting?.report).toContain('the interpreter goes on');
  });
});

const WORKLOADS: { name: string; commandLine: string; modules: string[]; cycles: number }[] = [
  {
    ...{ name: 'the driver in the kernel', commandLine: 'isolation=none ip=10.0.0.1/24', cycles: 36e6 },
    modules: ['init insmod e1000; run netsend', 'e1000.ko', 'netsend 10.0.0.2 5001 4 0 1'],
  },
  {
    ...{
      name: 'the driver in a domain',
      commandLine: 'isolation=nooks ip=10.0.0.1/24',
      cycles: 60e6,
      long: true,
    },
    modules: ['init insmod e1000; run netsend', 'e1000.ko', 'netsend 10.0.0.2 5001 4 0 1'],
  },
  {
    ...{ name: 'programs of all kinds', commandLine: 'isolation=none', cycles: 400e6 },
    modules: ['init run usertests', 'usertests'],
  },
];

/** Runs cut at random, with a step or a restoring on one side now and then. */
function cuts(seed: number, cycles: number): Act[] {
  const next = random(seed);
  const acts: Act[] = [];
  for (let left = cycles * 4; left > 0; ) {
    const ticks = 1 + (next() % Math.max(1, Math.round(cycles)));
    acts.push({ act: 'run', ticks });
    left -= ticks;
    const side = next() % 2 ? 'one' : 'two';
    if (next() % 2) acts.push({ act: 'step', side, steps: 1 + (next() % 50) });
    if (next() % 6 === 0) acts.push({ act: 'restore', side });
  }
  return acts;
}

// The default profile's boot is in compiled.test.ts, and below.
describe.runIf(LONG).each(Object.keys(profiles))('in step on %s', profile => {
  it.each(WORKLOADS)(
    '$name',
    ({ commandLine, modules, cycles }) => {
      const session = (engine: EngineKind) =>
        new Session({
          build,
          engine,
          profile: profiles[profile],
          memoryBytes: 32 << 20,
          commandLine,
          modules,
        }).machine;
      const { parting, units } = lockstep(session, cuts(profile.length, cycles));
      expect(parting?.report).toBeUndefined();
      expect(units).toBeGreaterThan(5);
    },
    600_000,
  );
});

// A short form of this is test/inject/engines.test.ts.
describe.skipIf(!LONG)('a trial', () => {
  const configurations: Configuration[] = [
    { isolation: 'nooks', policy: 'restart' },
    ...(LONG ? [{ isolation: 'none', policy: null } as const] : []),
  ];
  it.each(configurations)(
    'has the same end, isolation $isolation',
    async configuration => {
      const target = await e1000();
      const trials = LONG ? Number(LONG) : 1;
      const benches = (['interpreter', 'compiled'] as const).map(
        engine =>
          new Bench({
            ...{ build, profile: profiles['p4-1700'], configuration, engine, driver: 'e1000' },
            ...{ minimumPackets: LONG ? 400 : 40, minimumCycles: LONG ? 136_000_000 : 8_000_000 },
          }),
      );
      const [one, two] = benches.map(b => b.session.machine);
      if (two.engine.jit) two.engine.jit.hot = 400;
      for (const b of benches) b.warm();
      expect(differences(one, two)).toEqual([]);
      for (let trial = 0; trial < trials; trial++) {
        const plan = planTrial(target, SETTINGS, trial);
        const [a, b] = benches.map(bench => bench.run(plan));
        expect(b, `trial ${trial}`).toEqual(a);
        expect(differences(one, two), `trial ${trial}`).toEqual([]);
      }
      expect(two.engine.jit?.units).toBeGreaterThan(30);
    },
    3_600_000,
  );
});
