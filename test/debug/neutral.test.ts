/** Stops, steps and watches must not be seen by the guest: same clock, matrix, counters and memory at the end. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Machine } from '../../emu/machine.ts';
import { profiles } from '../../emu/profile/index.ts';
import { buildBenchGuests } from '../../guest/bench.ts';
import { artefact } from '../../guest/build.ts';
import { loadMultiboot } from '../../guest/multiboot.ts';

const MIB = 1 << 20;
const LIMIT = 40_000_000;

import { outcome } from './rig.ts';

/** Deterministic numbers for choosing where to stop. */
function random(seed: number): (below: number) => number {
  return below => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
}

async function boot(name: string, profile: 'p4-1700' | 'p3-1000') {
  const build = await buildBenchGuests({ only: [name], shift: 12 });
  const bytes = new Uint8Array(readFileSync(artefact(build, `${name}.elf`)));
  const machine = new Machine({ profile: profiles[profile], memoryBytes: 64 * MIB });
  machine.setEntry(loadMultiboot(machine, { name, bytes }));
  return { machine };
}

const CASES = [
  ['call', 'p4-1700'],
  ['pgswitch', 'p4-1700'],
  ['trap', 'p4-1700'],
  ['fault', 'p3-1000'],
  ['mem', 'p3-1000'],
] as const;

describe.each(CASES)('%s on %s', (name, profile) => {
  it('ends the same with stops at random instructions, steps and slices', async () => {
    const plain = await boot(name, profile);
    expect(plain.machine.run(LIMIT)).toEqual({ reason: 'exit', code: 0 });

    const { machine } = await boot(name, profile);
    const pick = random(7);
    const visited = [machine.engine.currentLin()];
    let stops = 0;
    let steps = 0;
    let result: ReturnType<Machine['run']>;
    let remove = () => {};
    do {
      remove();
      let wait = pick(3);
      remove = machine.engine.addHook(visited[pick(visited.length)], () => {
        if (wait-- <= 0) machine.engine.stop();
      });
      result = machine.run(Math.min(LIMIT, machine.cycles() + 500 + pick(20_000)));
      if (result.reason === 'stopped') stops++;
      for (let n = pick(50); n > 0 && result.reason !== 'exit'; n--, steps++) {
        result = machine.step();
        visited.push(machine.engine.currentLin());
      }
      visited.splice(0, visited.length - 100);
    } while (result.reason === 'stopped' || result.reason === 'limit');
    expect(result).toEqual({ reason: 'exit', code: 0 });
    expect(stops).toBeGreaterThan(20);
    expect(steps).toBeGreaterThan(500);
    expect(outcome(machine)).toEqual(outcome(plain.machine));
  });
});
