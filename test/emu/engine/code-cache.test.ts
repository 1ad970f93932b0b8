/**
 * The code cache neither grows nor leaks: a loop that changes its own code is compiled anew in each round. With
 * NOOKS86_LONG=1 a million times, which takes some minutes.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { CODE, Rig } from '../cpu/rig.ts';

const LONG = process.env.NOOKS86_LONG === '1';
const UNITS = LONG ? 1_000_000 : 2000;
/** Cycles between two looks: some hundred rounds. */
const STEP = 1000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in use: of the heap, and of what it holds outside. */
function inUse(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function rigOf(code: string): Rig {
  const rig = new Rig(undefined, 'compiled');
  rig.machine.engine.jit!.hot = 1;
  rig.code(code, CODE);
  rig.c.eip = CODE;
  return rig;
}

/** Runs until `units` were made; the most that were kept meanwhile. */
function run(rig: Rig, units: number): { live: number; aside: number; bytes: number } {
  const jit = rig.machine.engine.jit!;
  const most = { live: 0, aside: 0, bytes: 0 };
  while (jit.units < units) {
    const before = jit.units;
    rig.machine.run(rig.machine.cycles() + STEP);
    const { live, aside, bytes } = jit.cached();
    most.live = Math.max(most.live, live);
    most.aside = Math.max(most.aside, aside);
    most.bytes = Math.max(most.bytes, bytes);
    expect(jit.units).toBeGreaterThan(before);
  }
  return most;
}

describe('code that changes itself for ever', () => {
  it('keeps few units, and no memory of the others', () => {
    // 1: INC DWORD [the operand of MOV EAX]; MOV EAX, imm; JMP 1
    const rig = rigOf('ff0507000100 b800000000 ebf3');
    run(rig, UNITS / 5);
    const before = inUse();
    const most = run(rig, UNITS);
    expect(most.live).toBeLessThan(100);
    expect(most.aside).toBeLessThanOrEqual(512);
    expect(most.bytes).toBeLessThan(16 << 20);
    expect(inUse() - before).toBeLessThan(16 << 20);
    if (LONG) console.log(rig.machine.engine.jit!.units, most, process.memoryUsage());
  }, 3_600_000);

  it('takes up what it had before instead of compiling it again', () => {
    // 1: XOR BYTE [the operand of MOV EAX], 1; MOV EAX, imm; JMP 1
    const rig = rigOf('80350800010001 b800000000 ebf2');
    rig.machine.run(50_000);
    expect(rig.c.instructions).toBeGreaterThan(10_000);
    expect(rig.machine.engine.jit!.units).toBeLessThan(20);
  });
});
