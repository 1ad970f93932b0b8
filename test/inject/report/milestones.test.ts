import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TRIGGERS, timelineOf, triggerName } from '../../../inject/report/milestones.ts';
import { observation, restart } from './records.ts';

const header = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../../nooks/include/nooks', name), 'utf8');

describe('what the guest names', () => {
  it('has the triggers of nooks/trigger.h, in their order', () => {
    const names = [...header('trigger.h').matchAll(/^\s*T\(\w+, "([^"]+)"\)/gm)].map(m => m[1]);
    expect(names.length).toBeGreaterThan(10);
    expect([...TRIGGERS]).toEqual(names);
    expect(triggerName(99)).toBe('number 99');
  });

  it('has the milestones of nooks/event.h', () => {
    const names = [...header('event.h').matchAll(/^\s*E\((\w+), "/gm)].map(m => m[1]);
    expect(names).toEqual(expect.arrayContaining(restart(0).map(e => e.event)));
    expect(names).toContain('GAVE_UP');
  });
});

describe('a timeline', () => {
  it('has no service from the first failure to the recovery, also over a failure of the recovery itself', () => {
    const at = (time: number, event: string) => ({ at: time, event, extension: 'e1000', detail: 0 });
    const events = [at(2000, 'FAILED'), at(2500, 'BEGIN'), at(3000, 'FAILED'), at(4000, 'RECOVERED')];
    expect(timelineOf(observation({ injectedAt: 1000, events })).outage).toBe(2000);
  });

  it('divides one restart into its phases', () => {
    const t = timelineOf(
      observation({
        injectedAt: 1000,
        executedAt: [null, 1500, 1400],
        firstErrorAt: 1600,
        firstFailureAt: 1650,
        events: restart(2000, 2),
      }),
    );
    expect(t.before).toEqual([
      ['injection → first execution', 400],
      ['first execution → first error', 200],
      ['first error → first failure', 50],
      ['first failure → detection', 350],
      ['first execution → detection', 600],
      ['first error → detection', 400],
    ]);
    expect(t.recoveries).toEqual([
      {
        trigger: 'argument',
        failedAt: 2000,
        recoveredAt: 4800,
        gaveUp: false,
        phases: [
          ['detection → manager', 100],
          ['manager → unwound', 200],
          ['unwound → released', 300],
          ['released → unloaded', 400],
          ['unloaded → loaded', 500],
          ['loaded → restored', 600],
          ['restored → recovered', 700],
          ['detection → recovered', 2800],
        ],
      },
    ]);
    // From what was seen outside, not from the detection.
    expect(t.outage).toBe(4800 - 1650);
  });

  it('makes no phase out of a stage that a policy leaves out', () => {
    const events = restart(2000).filter(e => e.event !== 'UNLOADED');
    const [r] = timelineOf(observation({ events })).recoveries;
    const names = r.phases.map(([name]) => name);
    expect(names).not.toContain('released → unloaded');
    expect(names).not.toContain('unloaded → loaded');
    expect(names).toContain('loaded → restored');
  });

  it('keeps recoveries of the same and of other extensions apart', () => {
    const other = restart(2050).map(e => ({ ...e, extension: 'other' }));
    const events = [...restart(2000), ...other, ...restart(9000)].sort((a, b) => a.at - b.at);
    const t = timelineOf(observation({ events }));
    expect(t.recoveries.map(r => [r.failedAt, r.recoveredAt])).toEqual([
      [2000, 4800],
      [2050, 4850],
      [9000, 11_800],
    ]);
    expect(t.outage).toBe(3 * 2800);
  });

  it('knows a recovery that failed again, one that gave up, and one that the end cut off', () => {
    const failedAgain = restart(2000).slice(0, 4);
    const gaveUp = [
      ...restart(3000).slice(0, 2),
      { at: 3500, event: 'GAVE_UP', extension: 'e1000', detail: 1 },
    ];
    const cut = restart(4000).slice(0, 3);
    const t = timelineOf(observation({ events: [...failedAgain, ...gaveUp, ...cut] }));
    expect(t.recoveries.map(r => [r.recoveredAt, r.gaveUp])).toEqual([
      [null, false],
      [null, true],
      [null, false],
    ]);
    expect(t.outage).toBe(0);
  });

  it('takes no heed of events before the injection', () => {
    expect(timelineOf(observation({ injectedAt: 9000, events: restart(100) })).recoveries).toEqual([]);
  });
});
