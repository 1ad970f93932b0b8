import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { artefact, buildGuest } from '../../../guest/build.ts';
import { readElf } from '../../../guest/elf.ts';
import type { FaultTarget } from '../../../inject/faults/code.ts';
import { impossibleTypes, planTrial } from '../../../inject/faults/plan.ts';
import { FAULT_TYPES } from '../../../inject/faults/types.ts';
import type { CampaignSettings, Fault } from '../../../inject/model.ts';

export const SETTINGS: CampaignSettings = {
  driver: 'e1000',
  trials: 100,
  faultsPerTrial: 5,
  configurations: [],
  persistence: 'transient',
  distribution: 'uniform',
  types: [],
  seed: 1,
  profile: 'p4-1700',
  minimumPackets: 100,
  minimumCycles: 1e6,
  build: 'test',
};
let target: FaultTarget;
beforeAll(async () => {
  target = {
    driver: 'e1000',
    elf: readElf(new Uint8Array(readFileSync(artefact(await buildGuest(), 'e1000.ko'))), 'e1000.ko'),
  };
});
describe('x', () => {
  it('y', () => {
    console.log(impossibleTypes(target));
    for (const t of FAULT_TYPES) {
      const seen = new Map<string, Fault>();
      for (let n = 0; n < 60; n++) {
        const [f] = planTrial(target, { ...SETTINGS, types: [t.name], faultsPerTrial: 1 }, n).faults;
        seen.set(`${f.offset}`, f);
      }
      console.log(
        t.name,
        t.weight.toFixed(3),
        seen.size,
        [...seen.values()]
          .slice(0, 6)
          .map(f => `\n   ${f.symbol}: ${f.before} => ${f.after} ${JSON.stringify(f.parameters ?? {})}`)
          .join(''),
      );
    }
    const a = performance.now();
    for (let n = 0; n < 500; n++) planTrial(target, SETTINGS, n);
    console.log(performance.now() - a);
    expect(1).toBe(1);
  });
});
