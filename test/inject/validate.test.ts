/** Does isolation stop every forbidden access, and does the same list show corruption without it? */
import { beforeAll, describe, expect, it } from 'vitest';
import { flat } from '../../emu/profile/flat.ts';
import { CASES } from '../../inject/validate/cases.ts';
import { exitCode, renderResults } from '../../inject/validate/report.ts';
import { type Result, validate } from '../../inject/validate/run.ts';
import type { Isolation } from '../../inject/validate/trial.ts';

const list: Record<Isolation, Result[]> = { none: [], nooks: [] };

async function results(isolation: Isolation, only?: readonly string[]): Promise<void> {
  list[isolation] = await validate({ profile: flat, isolation, only });
  expect(list[isolation]).toHaveLength(only?.length ?? CASES.length);
}

const find = (isolation: Isolation, name: string) => {
  const found = list[isolation].find(r => r.which.name === name);
  if (!found) throw new Error(`no case ${name}`);
  return found;
};

describe('with isolation', () => {
  beforeAll(() => results('nooks'), 600_000);

  for (const { name, expect: expected } of CASES)
    it(`${name} is ${expected}, and kernel and driver go on`, () => {
      expect(find('nooks', name).verdict).toEqual({
        outcome: expected,
        kernelWentOn: true,
        driverThere: true,
        good: true,
      });
    });

  it('changes no byte that is not the driver’s, and gives it no page beyond the books', () => {
    for (const { trial } of list.nooks) {
      expect(trial.access?.damage).toEqual([]);
      expect(trial.access?.strayPages).toEqual([]);
    }
  });

  it('names exception, address and instruction', () => {
    const { access } = find('nooks', 'kernel-text').trial;
    expect(access?.stop).toMatchObject({ name: '#PF', errorCode: 3, address: access?.address });
    expect(access?.instruction).toBe('mov [eax],edx');
    expect(access?.symbol).toBe('touch_store [validate.ko]');
    expect(find('nooks', 'esp-unmapped').trial.access?.stop?.name).toBe('#DF');
  });

  it('exits with 0', () => expect(exitCode(list.nooks)).toBe(0));
});

describe('without isolation', () => {
  const PLAIN = [
    'kernel-text',
    'kernel-rodata',
    'kernel-directory',
    'idt',
    'own-text',
    'freed-page',
    'given-packet',
  ];
  beforeAll(() => results('none', [...PLAIN, 'other-device', 'null', 'read-kernel']), 600_000);

  it('lets plain writes through and shows what they changed', () => {
    for (const name of PLAIN) {
      const { verdict, trial } = find('none', name);
      expect(verdict.outcome).toBe('got through');
      // A byte may have been what it is written over with, as addresses fall.
      expect(trial.access?.damage.reduce((n, d) => n + d.bytes, 0)).toBeGreaterThan(2);
    }
    expect(find('none', 'other-device').trial.access?.deviceChanged).toBe(true);
  });

  it('lets a ruined kernel die', () => {
    expect(find('none', 'kernel-text').verdict.kernelWentOn).toBe(false);
    expect(find('none', 'null').verdict).toMatchObject({ outcome: 'stopped', kernelWentOn: false });
  });

  it('exits with 1 and says so', () => {
    expect(exitCode(list.none)).toBe(1);
    expect(renderResults(list.none, 'none')).toMatch(/\d+ got through/);
  });
});
