/** A debugger on a benchmark image, its output collected. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { bootImage } from '../../debug/boot.ts';
import { Interpreter } from '../../debug/interpreter.ts';
import type { Machine } from '../../emu/machine.ts';
import { profiles } from '../../emu/profile/index.ts';
import { buildBenchGuests } from '../../guest/bench.ts';
import { artefact } from '../../guest/build.ts';

export const MIB = 1 << 20;

export async function debugBench(name: string, profile: 'p4-1700' | 'p3-1000' = 'p4-1700') {
  return debugImage(await benchBytes(name), name, { profile });
}

export async function benchBytes(name: string): Promise<Uint8Array> {
  const build = await buildBenchGuests({ only: [name], shift: 12 });
  return new Uint8Array(readFileSync(artefact(build, `${name}.elf`)));
}

export function debugImage(
  bytes: Uint8Array,
  name: string,
  options: { profile?: 'p4-1700' | 'p3-1000'; limit?: number } = {},
) {
  const { profile = 'p4-1700', limit = 100_000_000 } = options;
  const target = bootImage(bytes, name, { profile: profiles[profile], memoryBytes: 64 * MIB });
  let text = '';
  const interpreter = new Interpreter({
    target,
    write: t => {
      text += t;
    },
    pause: async () => false,
    limit,
  });
  /** Runs lines; the text of all of them. */
  const run = async (...lines: string[]) => {
    text = '';
    for (const line of lines) await interpreter.execute(line);
    return text;
  };
  return { target, machine: target.machine, interpreter, run };
}

/** The end of a run, for comparing two: clock, matrix, counters, registers, TLBs, caches, RAM. */
export function outcome(machine: Machine) {
  const { cpu, accounting } = machine;
  const { mmu } = cpu;
  return {
    cycles: machine.cycles(),
    matrix: [...accounting.matrix],
    instructions: cpu.instructions,
    data: [mmu.loads, mmu.stores, cpu.predictor.misses, cpu.deliveries],
    registers: [...cpu.r32],
    tlbs: mmu
      .tlbs()
      .map(t => [t.name, t.misses, t.switchMisses, t.globalHits, ...t.key, ...t.frame, ...t.flags]),
    caches: [mmu.hierarchy.l1i, mmu.hierarchy.l1d, mmu.hierarchy.l2].map(c => [
      c.misses,
      createHash('sha256').update(c.tags).digest('hex'),
    ]),
    ram: createHash('sha256').update(machine.readPhysical(0, machine.ramSize)).digest('hex'),
  };
}
