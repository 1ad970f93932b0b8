/** Planning is pure, fair and says what it does: every type on the real driver, and the rules on hand-made code. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../bench/farend/random.ts';
import { type DriverCode, decode, driverCode, type FaultTarget } from '../../../inject/faults/code.ts';
import { FIELD_CLASSES, fieldWeight } from '../../../inject/faults/distribution.ts';
import { applyPatch, byRule } from '../../../inject/faults/draw.ts';
import * as bug from '../../../inject/faults/driver-rules.ts';
import { impossibleTypes, planTrial } from '../../../inject/faults/plan.ts';
import type { Rule } from '../../../inject/faults/rule.ts';
import { overrun } from '../../../inject/faults/runtime-rules.ts';
import { readPlan } from '../../../inject/faults/schema.ts';
import * as text from '../../../inject/faults/text-rules.ts';
import { FAULT_TYPES } from '../../../inject/faults/types.ts';
import type { Fault } from '../../../inject/model.ts';
import { e1000, SETTINGS } from './rig.ts';

let target: FaultTarget;
beforeAll(async () => {
  target = await e1000();
});

/** One function of these bytes. */
function codeOf(hex: string): DriverCode {
  const data = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  const section = { ...driverCode(target).section, data, size: data.length };
  const instructions = decode(data, 0, data.length);
  return {
    section,
    functions: [{ name: 'f', start: 0, end: data.length, instructions }],
    targets: new Set(instructions.map(i => i.target)),
  };
}

/** Every result of a rule on hand-made code, as `before => after`. */
function results(rule: Rule, hex: string): string[] {
  const code = codeOf(hex);
  const draw = byRule('NOP', rule);
  const found = new Set<string>();
  for (let seed = 1; seed < 200; seed++) {
    const fault = draw(code, new Random(seed * 7919));
    if (fault) found.add(`${fault.before} => ${fault.after}`);
  }
  return [...found].sort();
}

describe('the rules on hand-made code', () => {
  it.each<[string, Rule, string, string[]]>([
    [
      'INIT: mov $imm,-Y(%ebp) becomes NOPs',
      text.init,
      'c745f005000000 c7450805000000 c3',
      ['mov dword [ebp-0x10], 5 => nop x7'],
    ],
    [
      'INTERFACE: mov +X(%ebp),reg becomes NOPs',
      text.interfaceFault,
      '8b4508 8b45f8 8b4308 c3',
      ['mov eax, [ebp+8] => nop x3'],
    ],
    [
      'BRANCH: a Jcc, loop or rep prefix becomes NOPs',
      text.branch,
      '7400 e200 f3a4 f390 c3',
      ['je 2 => nop x2', 'loop 4 => nop x2', 'rep movsb => nop; movsb'],
    ],
    [
      'LOOP: swap F3 and F2; invert a condition',
      text.loop,
      '7400 0f8d00000000 f3a6 c3',
      ['je 2 => jne 2', 'jge 8 => jl 8', 'repe cmpsb => repne cmpsb'],
    ],
    ['IRQ: push … popf becomes NOPs', text.irq, '57 9d 50 c3', ['push edi; popf => nop x2']],
    ['NULL-CHECK', bug.nullCheck, '8b4304 85c0 7400 85c9 7400 c3', ['je 7 => nop x2']],
    ['OFF-BY-ONE on a Jcc', bug.offByOne, '7200 7c00 7400 c3', ['jb 2 => jbe 2', 'jl 4 => jle 4']],
    [
      'OFF-BY-ONE on an immediate',
      bug.offByOne,
      '83f810 c3',
      ['cmp eax, 0x10 => cmp eax, 0xf', 'cmp eax, 0x10 => cmp eax, 0x11'],
    ],
    ['LOCK-ORDER', bug.lockOrder, '9c 58 fa c3', ['cli => nop']],
    ['IRQ-OFF', bug.irqOff, 'fb 56 9d c3', ['popf => pop esi', 'sti => nop']],
    [
      'UNINITIALISED',
      bug.uninitialised,
      '8945f8 8945f8 c7430400000000 c3',
      ['mov [ebp-8], eax => nop x3', 'mov dword [ebx+4], 0 => nop x7'],
    ],
    ['WHILE1', text.while1, '89d8 c3', ['mov eax, ebx => jmp 0']],
  ])('%s', (_name, rule, hex, expected) => {
    expect(results(rule, hex)).toEqual(expected.sort());
  });

  it('PTR leaves frames alone and flips a low ModRM bit or a later byte', () => {
    expect(results(text.ptr, '8b45f8 89d8 c3')).toEqual([]);
    const seen = results(text.ptr, '8b4304 c3');
    expect(seen.length).toBe(3 + 8);
  });

  it('SRC and DST take bits of what is read and of what is written', () => {
    // mov eax, [ebx+4]: ModRM 43, displacement 04.
    expect(results(text.dst, '8b4304 c3').map(r => r.split(' => ')[1])).toEqual(
      ['ecx', 'edx', 'esp'].map(r => `mov ${r}, [ebx+4]`),
    );
    expect(results(text.src, '8b4304 c3').every(r => r.includes('=> mov eax') || r.includes(';'))).toBe(true);
  });

  it('INTERFACE takes a candidate with probability 3/4', () => {
    const code = codeOf('8b4508 c3');
    const random = new Random(5);
    const site = { code, fn: code.functions[0], index: 0, i: code.functions[0].instructions[0] };
    let taken = 0;
    for (let n = 0; n < 4000; n++) if (text.interfaceFault(site, random)) taken++;
    expect(Math.abs(taken - 3000)).toBeLessThan(4 * Math.sqrt(4000 * 0.75 * 0.25));
  });

  it('BCOPY overruns half by 1, 44 % up to about 1 KB, 6 % more', () => {
    const random = new Random(9);
    const draws = Array.from({ length: 10000 }, () => overrun(random));
    const share = (low: number, high: number) => draws.filter(n => n >= low && n <= high).length / 10000;
    expect(share(1, 1)).toBeCloseTo(0.5, 1);
    expect(share(2, 1023)).toBeCloseTo(0.44, 1);
    expect(share(1024, 3072)).toBeCloseTo(0.06, 1);
  });
});

describe('plans', () => {
  it('find a place for every type in e1000', () => {
    expect(impossibleTypes(target)).toEqual([]);
  });

  it('are the same each time, and different for each trial', () => {
    const plans = Array.from({ length: 20 }, (_, n) => JSON.stringify(planTrial(target, SETTINGS, n)));
    expect(plans).toEqual(
      Array.from({ length: 20 }, (_, n) => JSON.stringify(planTrial(target, SETTINGS, n))),
    );
    expect(new Set(plans).size).toBe(20);
  });

  it('change exactly what they say, and bytes of one trial never twice', () => {
    const { data } = driverCode(target).section;
    for (let n = 0; n < 200; n++) {
      const patched = data.slice();
      const offsets = planTrial(target, SETTINGS, n).faults.flatMap(f => f.patch ?? []);
      for (const p of offsets) applyPatch(patched, p);
      expect(new Set(offsets.map(p => p.offset)).size).toBe(offsets.length);
      const changed = [...patched.keys()].filter(at => patched[at] !== data[at]);
      expect(changed.every(at => offsets.some(p => p.offset === at))).toBe(true);
    }
  });

  it('draw types alike: chi-square over 29 types below the bound of 0.1 %', () => {
    const counts = new Map<string, number>();
    const trials = 600;
    for (let n = 0; n < trials; n++) {
      const [fault] = planTrial(target, { ...SETTINGS, faultsPerTrial: 1 }, n).faults;
      counts.set(fault.type, (counts.get(fault.type) ?? 0) + 1);
    }
    const expected = trials / FAULT_TYPES.length;
    const chi = FAULT_TYPES.reduce(
      (sum, t) => sum + ((counts.get(t.name) ?? 0) - expected) ** 2 / expected,
      0,
    );
    expect(FAULT_TYPES.length).toBe(29);
    expect(chi).toBeLessThan(56.9);
  });

  it('weigh types by field data: weights sum to one, and types without weight are not drawn', () => {
    expect(FIELD_CLASSES.reduce((sum, c) => sum + c.share, 0)).toBe(100);
    expect(FAULT_TYPES.reduce((sum, t) => sum + fieldWeight(t.name), 0)).toBeCloseTo(1, 9);
    const drawn = new Set<string>();
    for (let n = 0; n < 200; n++)
      for (const f of planTrial(target, { ...SETTINGS, distribution: 'field' }, n).faults) drawn.add(f.type);
    expect(['TEXT', 'STACK', 'HEAP', 'PANIC'].filter(t => drawn.has(t))).toEqual([]);
  });

  it('are read back from JSON, and nothing else is', () => {
    for (let n = 0; n < 50; n++) {
      const plan = planTrial(target, SETTINGS, n);
      expect(readPlan(JSON.stringify(plan))).toEqual(plan);
    }
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), json => {
        expect(typeof readPlan(json)).toBe('string');
      }),
      { seed: 1, numRuns: 300 },
    );
    const plan = planTrial(target, SETTINGS, 0);
    const bad: Fault[] = [{ type: 'NOP', offset: -1 }];
    expect(readPlan(JSON.stringify({ ...plan, faults: bad }))).toMatch(/^faults\.0\.offset/);
  });
});
