/** The system programs on our machine against what the oracles' logs hold. */
import { beforeAll, describe, expect, it } from 'vitest';
import { compareLogs } from './compare.ts';
import { RULES, type Rule } from './differences.ts';
import { readLog } from './logs.ts';
import { ORACLES } from './oracles.ts';
import { buildPrograms, PROGRAMS, runOnOurs } from './programs.ts';

const logs = new Map<string, string[]>();
const used = new Set<Rule>();

beforeAll(async () => {
  for (const [program, path] of await buildPrograms()) logs.set(program, runOnOurs(path));
});

describe.each(PROGRAMS)('%s', program => {
  it('comes to its end', () => {
    expect(logs.get(program)!.slice(-2)).toEqual(['end', '']);
  });
  for (const oracle of ORACLES.filter(o => o.runs(program)))
    it(`equals ${oracle.name}'s log but for what differences.ts excuses`, () => {
      const recorded = readLog(oracle.name, program);
      expect(recorded, 'npm run system:record makes the log').not.toBeNull();
      const rules = RULES.filter(rule => rule.oracle === oracle.name);
      const result = compareLogs(program, logs.get(program)!, recorded!.lines, rules);
      expect(result.errors.slice(0, 20).join('\n'), `${result.errors.length} errors`).toBe('');
      for (const rule of result.excused.keys()) used.add(rule);
    });
});

it('every rule excuses something', () => {
  expect(RULES.filter(rule => !used.has(rule)).map(rule => `${rule.program} ${rule.name}`)).toEqual([]);
});
