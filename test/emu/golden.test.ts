/**
 * What six whole programs cost on each profile, to the tick: instructions, ticks by cause, misses, and a hash of
 * registers and RAM at the end. The engine may be made faster in any way that leaves these numbers alone.
 *
 * A change of the model (a rule, a profile's figure) or of the guest compiler changes them on purpose: then look at
 * the differences that `npx vitest run test/emu/golden.test.ts -u` makes in test/emu/golden/, and commit them.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runGuest } from '../../bench/speed/guest-run.ts';
import { CAUSES } from '../../emu/accounting.ts';
import type { EngineKind } from '../../emu/board.ts';
import type { Machine } from '../../emu/machine.ts';
import { profiles } from '../../emu/profile/index.ts';
import { buildBenchGuests } from '../../guest/bench.ts';
import { artefact } from '../../guest/build.ts';

/** Each program with the power of two that its iteration counts are divided by. */
const GUESTS: [name: string, shift: number][] = [
  ['alu', 7],
  ['mem', 5],
  ['memrep', 5],
  ['call', 7],
  ['pgswitch', 5],
  ['trap', 5],
  ['fault', 5],
];

const ENGINES: readonly EngineKind[] = ['interpreter', 'compiled'];

/** Everything that a faster engine must not change. */
function figures(machine: Machine) {
  const { mmu, predictor, instructions, r32, eflags } = machine.cpu;
  const { l1i, l1d, l2, l2Accesses } = mmu.hierarchy;
  const registers = [...r32.subarray(0, 8)].map(v => v >>> 0);
  return {
    instructions,
    ticks: machine.clock.now(),
    loads: mmu.loads,
    stores: mmu.stores,
    mispredicted: predictor.misses,
    misses: { l1i: l1i.misses, l1d: l1d.misses, l2: l2.misses },
    l2Accesses,
    tlbs: mmu.tlbs().map(({ name, misses, switchMisses, globalHits }) => ({
      name,
      misses,
      switchMisses,
      globalHits,
    })),
    causes: Object.fromEntries(CAUSES.map((name, cause) => [name, machine.accounting.total(cause)])),
    registers: [...registers, eflags],
    ram: createHash('sha256').update(machine.readPhysical(0, machine.ramSize)).digest('hex'),
  };
}

const RUNS = Object.keys(profiles).flatMap(profile => ENGINES.map(engine => [profile, engine] as const));

describe.each(RUNS)('on %s, %s', (profile, engine) => {
  it.each(GUESTS)('%s costs what it did', async (name, shift) => {
    const build = await buildBenchGuests({ only: [name], shift });
    const bytes = readFileSync(artefact(build, `${name}.elf`));
    const { machine } = runGuest(name, bytes, profiles[profile], engine);
    if (engine === 'compiled') expect(machine.engine.jit?.units).toBeGreaterThan(0);
    expect(machine.accounting.sum()).toBe(machine.clock.now());
    const text = `${JSON.stringify(figures(machine), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot(`golden/${profile}-${name}.json`);
  });
});
