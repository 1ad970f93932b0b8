import { beforeAll, describe, expect, it } from 'vitest';
import { planTrial } from '../../../inject/faults/plan.ts';
import { Injector } from '../../../inject/faults/inject.ts';
import { FAULT_TYPES } from '../../../inject/faults/types.ts';
import { boot, e1000, planOf, SETTINGS, type Rig } from './rig.ts';
describe('x', () => {
  it('y', async () => {
    const target = await e1000();
    for (const iso of ['none', 'nooks'] as const) {
      let t0 = performance.now();
      const rig = await boot(iso);
      console.log(iso, 'boot', performance.now() - t0, rig.session.modules());
      for (const t of FAULT_TYPES) {
        t0 = performance.now();
        let s = '';
        for (let n = 0; n < 3; n++) {
          rig.warm();
          const m0 = rig.messages();
          const plan = planTrial(target, { ...SETTINGS, types: [t.name], faultsPerTrial: 1 }, n);
          const f = plan.faults[0];
          const inj = new Injector(rig.session, plan);
          const at = rig.session.machine.cycles();
          inj.inject();
          const end = rig.run(8);
          s += `\n  ${f.symbol} ${f.before} => ${f.after} ${JSON.stringify(f.parameters ?? {})}: ${end} ex=${inj.executedAt().map(e => e && Math.round(e - at))} not=${inj.notInjected()} msgs=${rig.messages() - m0} ${rig.text().split('\n').filter(Boolean).slice(0, 2).join(' | ').slice(0, 200)}`;
          inj.dispose();
        }
        console.log(iso, t.name, Math.round(performance.now() - t0), s);
      }
    }
  }, 600000);
});
