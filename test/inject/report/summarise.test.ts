import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome, TrialRecord } from '../../../inject/model.ts';
import { OUTCOMES } from '../../../inject/report/outcomes.ts';
import { summarise } from '../../../inject/report/summarise.ts';
import type { SummaryOptions } from '../../../inject/report/summary.ts';
import { CLOCK_HZ, many, observation, record, restart, settings } from './records.ts';

const OPTIONS: SummaryOptions = { clockHz: CLOCK_HZ, faultRate: 0.01, draws: 50 };
const of = (records: Iterable<TrialRecord>, change: Partial<SummaryOptions> = {}) =>
  summarise(settings(), records, { ...OPTIONS, ...change });

/** One trial in both: native outcome, isolated outcome. */
const both = (trial: number, native: Outcome, isolated: Outcome, serviceAlive = true) => [
  record('none', trial, native, { serviceAlive: native !== 'undetected failure: omission' }),
  record('nooks/restart', trial, isolated, { serviceAlive }),
];

describe('the paper’s table', () => {
  it('pairs the same faults', () => {
    const s = of([
      ...both(0, 'crash', 'recovered'),
      ...both(1, 'hang', 'no effect'),
      ...both(2, 'crash', 'crash'),
      ...both(3, 'crash', 'undetected failure: omission'),
      ...both(4, 'no effect', 'hang'),
      ...both(5, 'undetected failure: omission', 'recovered'),
      ...both(6, 'undetected failure: omission', 'undetected failure: omission'),
      ...both(7, 'undetected failure: omission', 'crash'),
      ...both(8, 'no effect', 'undetected failure: timing'),
      // Detected, but its service does not come back: the extension has failed.
      ...both(9, 'crash', 'recovered, applications harmed', false),
      record('none', 10, 'crash'),
    ]);
    expect(s.pairings[0]).toMatchObject({
      configuration: 'nooks/restart',
      trials: 10,
      nativeCrashes: 5,
      crashesEliminated: 4,
      newCrashes: 2,
      nativeNonFatal: 3,
      nonFatalEliminated: 1,
      nonFatalWasCrash: 2,
      newNonFatal: 1,
      claimed: false,
    });
    expect(s.configurations[0].crashes).toMatchObject({ count: 6, of: 11 });
    expect(s.configurations[1].nonFatal).toMatchObject({ count: 4, of: 10 });
    expect(s.configurations[1].consequences).toMatchObject({ dead: 1, undetected: 3, recovered: 2 });
  });

  it('takes no trial for eliminated that is not classified', () => {
    const s = of([...both(0, 'crash', 'recovered'), ...both(1, 'crash', 'not classified')]);
    expect(s.pairings[0]).toMatchObject({
      trials: 1,
      unclassified: 1,
      nativeCrashes: 1,
      crashesEliminated: 1,
    });
  });

  it('counts crashes that are new with isolation in the goal by sums', () => {
    const crashes = Array.from({ length: 200 }, (_, t) => both(t, 'crash', 'recovered')).flat();
    const fresh = Array.from({ length: 3 }, (_, t) => both(200 + t, 'no effect', 'hang')).flat();
    const sums = of([...crashes, ...fresh]).goals.find(
      g => g.goal.startsWith('the same by sums') && g.configuration === 'nooks/restart',
    );
    expect(sums).toMatchObject({ figure: '98.5 %', met: false });
  });

  it('claims nothing below 200 native crashes', () => {
    const crashes = (n: number) => Array.from({ length: n }, (_, t) => both(t, 'crash', 'recovered')).flat();
    const few = of(crashes(199));
    expect(few.pairings[0].claimed).toBe(false);
    expect(few.goals.filter(g => g.configuration !== 'nooks/shadow').map(g => g.met)).toEqual([
      false,
      null,
      null,
      true,
    ]);
    const enough = of(crashes(200));
    expect(enough.pairings[0].claimed).toBe(true);
    expect(enough.goals.filter(g => g.configuration !== 'nooks/shadow').map(g => g.met)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('does not reach 99 % with 197 of 200', () => {
    const records = Array.from({ length: 200 }, (_, t) =>
      both(t, 'crash', t < 3 ? 'crash' : 'recovered'),
    ).flat();
    const goal = of(records).goals.find(g => g.goal.startsWith('crashes eliminated'));
    expect(goal).toMatchObject({ figure: '98.5 %', met: false });
  });
});

describe('types, models and persistence', () => {
  it('puts a trial under the fault executed first, and under each type that it contains', () => {
    const s = of(
      [
        record('none', 0, 'crash', { executedAt: [3000, 2000] }, ['NOP', 'WHILE1']),
        record('none', 1, 'no effect', { executedAt: [2000, 2000] }, ['NOP', 'WHILE1']),
        record('none', 2, 'not executed', {}, ['NOP', 'NOP']),
      ],
      { models: { WHILE1: ['timing', 'omission'] } },
    );
    const [none] = s.configurations;
    const rows = (list: typeof none.byType) => list.map(r => [r.name, r.total, r.outcomes.crash]);
    expect(rows(none.byType)).toEqual([
      ['NOP', 1, 0],
      ['WHILE1', 1, 1],
      ['none executed', 1, 0],
    ]);
    expect(rows(none.byContainedType)).toEqual([
      ['NOP', 3, 1],
      ['WHILE1', 2, 1],
    ]);
    expect(rows(none.byModel)).toEqual([
      ['no model given', 1, 0],
      ['omission', 1, 1],
      ['timing', 1, 1],
      ['none executed', 1, 0],
    ]);
  });

  it('keeps both persistences of one trial apart', () => {
    const s = of([
      record('nooks/restart', 0, 'recovered'),
      record('nooks/restart', 0, 'recovered, applications harmed', {}, ['NOP'], 'deterministic'),
    ]);
    const rows = s.configurations[1].byPersistence;
    expect(rows.map(r => [r.name, r.outcomes.recovered])).toEqual([
      ['deterministic', 0],
      ['transient', 1],
    ]);
    expect(s.ignored.repeated).toBe(0);
  });
});

describe('loading again', () => {
  it('is counted by persistence', () => {
    const gaveUp = { at: 20_000, event: 'GAVE_UP', extension: 'e1000', detail: 1 };
    const s = of([
      record('nooks/restart', 0, 'recovered', { events: restart(2000) }),
      record('nooks/restart', 1, 'no effect'),
      record(
        'nooks/restart',
        2,
        'recovered, applications harmed',
        {
          events: [...restart(2000), ...restart(6000), ...restart(10_000).slice(0, 2), gaveUp],
          serviceAlive: false,
        },
        ['NOP'],
        'deterministic',
      ),
    ]);
    expect(s.configurations[1].reloads).toEqual({
      transient: { detected: 1, failures: 1, recovered: 1, failedAgain: 0, gaveUp: 0, served: 1 },
      deterministic: { detected: 1, failures: 3, recovered: 2, failedAgain: 1, gaveUp: 1, served: 0 },
    });
  });
});

describe('times', () => {
  it('come by trigger and by phase, and waits are censored by the trial’s end', () => {
    const s = of([
      record('nooks/restart', 0, 'recovered', {
        executedAt: [1500, null],
        firstErrorAt: 1700,
        events: restart(2000, 9),
      }),
      record('nooks/restart', 1, 'no effect', { executedAt: [null, null], notInjected: [1] }),
    ]);
    const c = s.configurations[1];
    expect(c.triggers).toMatchObject([
      { trigger: 'time', detections: 1, latency: { p50: 500 }, recovery: { p50: 2800 } },
    ]);
    expect(c.phases.find(p => p.name === 'unloaded → loaded')?.quantiles).toMatchObject({
      count: 1,
      max: 500,
    });
    // Four faults, one not injected, one executed.
    expect(c.neverExecuted).toMatchObject({ count: 2, of: 3 });
    expect(c.hidden.execution).toMatchObject({ events: 1, censored: 2, watched: 1_000_000 });
    expect(c.hidden.failure).toMatchObject({ events: 1, censored: 0, median: 500 });
    expect(c.detectedFirst).toMatchObject({ count: 1, of: 1 });
    expect(c.recoveries).toMatchObject({ count: 1, of: 1 });
  });
});

describe('trials to look at', () => {
  it('are crashes under isolation, preventable writes, what is not classified and what is too short', () => {
    const write = {
      at: 1,
      eip: 2,
      where: 'e1000',
      linear: 3,
      physical: 4,
      bytes: 4,
      target: 'kernel text',
      by: 'domain' as const,
      preventable: true,
    };
    const s = of([
      record('none', 0, 'crash'),
      record('none', 1, 'not classified'),
      record('nooks/restart', 0, 'crash', { end: 'panic', lastLine: 'Aiee' }),
      record('nooks/restart', 1, 'kernel corrupted, undetected', { wildWrites: [write], wildWriteCount: 9 }),
      record('nooks/restart', 2, 'kernel corrupted, undetected', {
        wildWrites: [{ ...write, by: 'dma', preventable: false }],
        wildWriteCount: 1,
      }),
      record('nooks/restart', 3, 'no effect', { packets: 99 }),
    ]);
    expect(s.followUps.map(f => [f.configuration, f.concern, f.kept.map(k => k.trial)])).toEqual([
      ['none', 'not classified', [1]],
      ['nooks/restart', 'crash in spite of isolation', [0]],
      ['nooks/restart', 'kernel corrupted, undetected', [1, 2]],
      ['nooks/restart', 'write that page protection could have stopped', [1]],
      ['nooks/restart', 'shorter than stated', [3]],
    ]);
    expect(s.configurations[1].corrupted).toEqual({ trials: 2, preventable: 1 });
    expect(s.configurations[1].wildWrites).toEqual({
      trials: 2,
      writes: 10,
      preventableTrials: 1,
      dmaTrials: 1,
    });
    expect(s.goals.find(g => g.goal.startsWith('undetected corruption'))?.met).toBe(false);
  });

  it('are kept up to a number, and all counted', () => {
    const s = of(Array.from({ length: 80 }, (_, t) => record('none', t, 'not classified')));
    expect(s.followUps[0].count).toBe(80);
    expect(s.followUps[0].kept).toHaveLength(50);
  });
});

describe('records', () => {
  it('that are foreign or repeated are left out and counted', () => {
    const s = of([
      record('none', 0, 'crash'),
      record('none', 0, 'no effect'),
      record('nooks/panic', 0, 'crash'),
      record('none', 1000, 'crash'),
      record('none', -1, 'crash'),
      record('none', 0.5, 'crash'),
    ]);
    expect(s.ignored).toEqual({ foreign: 4, repeated: 1 });
    expect(s.configurations[0].trials).toBe(1);
  });

  it('with an outcome that nobody knows are not classified', () => {
    const s = of([record('none', 0, 'constructor' as Outcome)]);
    expect(s.configurations[0].outcomes['not classified']).toBe(1);
  });

  it('may name more types and triggers than there are', () => {
    const s = of(
      Array.from({ length: 300 }, (_, t) =>
        record('none', t, 'crash', { executedAt: [2000], events: restart(2000, t) }, [`T${t}` as 'NOP']),
      ),
    );
    expect(s.configurations[0].byType.length).toBeLessThanOrEqual(101);
    expect(s.configurations[0].byType.reduce((sum, r) => sum + r.total, 0)).toBe(300);
    expect(s.configurations[0].triggers.length).toBeLessThanOrEqual(101);
  });

  it('tell streams that go on from those that do not', () => {
    const [stream] = observation({}).applications;
    const applications = [
      [stream],
      [{ ...stream, errors: 1 }],
      [{ ...stream, doneLately: 0 }],
      [stream, { ...stream, name: 'trialctl', errors: 1 }],
    ];
    const records = applications.map((a, trial) =>
      record('nooks/shadow', trial, 'recovered', { applications: a, events: restart(2000) }),
    );
    const shadow = of(records).configurations.find(c => c.name === 'nooks/shadow');
    expect(shadow?.streamsGoOn).toMatchObject({ count: 2, of: 4 });
  });

  it('may be none', () => {
    const s = of([]);
    expect(s.availability).toEqual([]);
    expect(s.goals.map(g => g.met)).toEqual([false, ...Array.from({ length: 8 }, () => null)]);
  });

  it.each([
    { clockHz: 0 },
    { faultRate: -1 },
    { faultRate: Number.NaN },
    { rebootSeconds: -1 },
    { usefulWork: [{ load: 'x', source: 'y', relative: { 'nooks/restart': 0 } }] },
  ])('are not read with options that make no sense: %o', change => {
    expect(() => of([], change)).toThrow(RangeError);
  });
});

describe('any campaign', () => {
  it('adds up', () => {
    const outcome = fc.constantFrom(...OUTCOMES);
    fc.assert(
      fc.property(fc.array(fc.tuple(outcome, outcome, fc.boolean()), { maxLength: 60 }), trials => {
        const s = of(
          trials.flatMap(([a, b, alive], t) => both(t, a, b, alive)),
          { draws: 5 },
        );
        for (const c of s.configurations.slice(0, 2)) {
          const total = (o: object) => Object.values(o).reduce((x: number, y: number) => x + y, 0);
          expect(total(c.outcomes)).toBe(trials.length);
          expect(total(c.consequences)).toBe(trials.length);
          expect(c.byType.reduce((sum, r) => sum + r.total, 0)).toBe(trials.length);
        }
        const [p] = s.pairings;
        const crashes = (name: string) => s.configurations.find(c => c.name === name)?.crashes.count;
        expect(p.trials + p.unclassified).toBe(trials.length);
        if (p.unclassified > 0) return;
        expect(p.nativeCrashes).toBe(crashes('none'));
        expect(p.nativeCrashes - p.crashesEliminated + p.newCrashes).toBe(crashes('nooks/restart'));
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('does not depend on the order of its records', () => {
    const records = [...many(60)];
    const { phases: _, ...forth } = strip(of(records));
    const { phases: __, ...back } = strip(of(records.reverse()));
    expect(back).toEqual(forth);
  });

  it('of 2,000 trials in three configurations is summarised at once', () => {
    const start = performance.now();
    const s = summarise(settings({ trials: 2000 }), many(2000), OPTIONS);
    expect(s.configurations.map(c => c.trials)).toEqual([2000, 2000, 2000]);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

/** Without means, whose last bits depend on the order, and what follows from them. */
function strip(s: ReturnType<typeof of>) {
  return JSON.parse(
    JSON.stringify(s, (key, value) => {
      if (key === 'mean' || key === 'availability' || key === 'kept') return undefined;
      if (key === 'triggers')
        return [...value].sort((a: { trigger: string }, b: { trigger: string }) =>
          a.trigger < b.trigger ? -1 : 1,
        );
      return value;
    }),
  );
}
