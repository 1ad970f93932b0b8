/** Every outcome rule has an observation that only it explains, and the order of the rules is what it should be. */
import { describe, expect, it } from 'vitest';
import type {
  ApplicationReport,
  GuestEvent,
  Observation,
  PolicyName,
  TrialPlan,
  WildWrite,
} from '../../inject/model.ts';
import { OUTCOME_RULES, outcomeOf, POLICIES } from '../../inject/outcome.ts';

const plan: TrialPlan = {
  driver: 'e1000',
  trial: 0,
  seed: 1,
  persistence: 'transient',
  delay: 0,
  faults: [{ type: 'TEXT' }],
};

const application: ApplicationReport = {
  name: 'netsend',
  alive: true,
  errors: 0,
  damaged: 0,
  duplicated: 0,
  done: 100,
  doneLately: 10,
  lost: 0,
  notes: [],
};

/** A trial in which the fault ran and nothing came of it. */
const healthy: Observation = {
  end: 'complete',
  lastLine: '',
  injectedAt: 1000,
  endedAt: 2000,
  instructions: 500,
  packets: 100,
  executedAt: [1100],
  notInjected: [],
  firstErrorAt: null,
  firstFailureAt: null,
  events: [],
  wildWrites: [],
  wildWriteCount: 0,
  corruptions: [],
  applications: [application],
  kernelAlive: true,
  serviceAlive: true,
  badPackets: 0,
  console: [],
};

const wild: WildWrite = {
  at: 1200,
  eip: 0,
  where: '',
  linear: 0,
  physical: 0,
  bytes: 4,
  target: 'kernel text',
  by: 'driver code',
  preventable: true,
};

const POLICY = (name: PolicyName) => POLICIES.indexOf(name);

function events(...list: [string, number?, string?][]): GuestEvent[] {
  return list.map(([event, detail = 0, extension = 'e1000'], n) => ({
    at: 1200 + n,
    event,
    extension,
    detail,
  }));
}

const RESTARTED = events(['FAILED'], ['BEGIN', POLICY('restart')], ['UNLOADED'], ['LOADED'], ['RECOVERED']);
const GIVEN_UP = (policy: PolicyName) => events(['FAILED'], ['BEGIN', POLICY(policy)], ['GAVE_UP', 1]);

const outcome = (o: Partial<Observation>) => outcomeOf({ ...healthy, ...o }, plan);
const withApplication = (a: Partial<ApplicationReport>) => ({ applications: [{ ...application, ...a }] });

const late = { firstFailureAt: 1500 };

describe('outcomeOf', () => {
  it.each<[string, Partial<Observation>, string]>([
    ['an error of the host', { end: 'host-error' }, 'not classified'],
    ['panic', { end: 'panic' }, 'crash'],
    ['triple fault', { end: 'triple-fault' }, 'crash'],
    ['reset', { end: 'reset' }, 'crash'],
    ['early exit of init', { end: 'early-exit' }, 'crash'],
    ['hang', { end: 'hang' }, 'hang'],
    ['halted for good', { end: 'halted' }, 'hang'],
    ['a kernel that does not answer', { kernelAlive: false }, 'hang'],
    ['a wild write', { wildWrites: [wild], wildWriteCount: 1 }, 'kernel corrupted, undetected'],
    ['more wild writes than were kept', { wildWriteCount: 7 }, 'kernel corrupted, undetected'],
    ['a broken list', { corruptions: [{ structure: 'timers', what: '' }] }, 'kernel corrupted, undetected'],
    ['detected and restarted', { events: RESTARTED }, 'recovered'],
    ['two failures, both recovered', { events: [...RESTARTED, ...RESTARTED] }, 'recovered'],
    [
      'the second recovery not done',
      { events: [...RESTARTED, ...events(['FAILED'])] },
      'recovered, applications harmed',
    ],
    [
      'another extension not back',
      { events: [...RESTARTED, ...events(['FAILED', 0, 'x'])] },
      'recovered, applications harmed',
    ],
    ['recovered, service dead', { events: RESTARTED, serviceAlive: false }, 'recovered, applications harmed'],
    ['given up', { events: GIVEN_UP('restart') }, 'recovered, applications harmed'],
    ['unloaded by policy', { events: GIVEN_UP('unload'), serviceAlive: false }, 'recovered'],
    [
      'unloaded by policy, a call failed',
      { events: GIVEN_UP('unload'), ...withApplication({ errors: 1 }) },
      'recovered, applications harmed',
    ],
    [
      'recovered, an error',
      { events: RESTARTED, ...withApplication({ errors: 1 }) },
      'recovered, applications harmed',
    ],
    [
      'recovered, wrong data',
      { events: RESTARTED, ...withApplication({ damaged: 1 }) },
      'recovered, applications harmed',
    ],
    [
      'recovered, a program died',
      { events: RESTARTED, ...withApplication({ alive: false }) },
      'recovered, applications harmed',
    ],
    [
      'recovered, a program stuck',
      { events: RESTARTED, ...withApplication({ doneLately: 0 }) },
      'recovered, applications harmed',
    ],
    [
      'recovered, datagrams lost',
      { events: RESTARTED, ...withApplication({ lost: 50, notes: ['50 lost'] }) },
      'recovered',
    ],
    ['wrong data', withApplication({ damaged: 1 }), 'undetected failure: output'],
    ['bad packets', { badPackets: 1 }, 'undetected failure: output'],
    ['the service dead', { serviceAlive: false }, 'undetected failure: omission'],
    ['a call failed', withApplication({ errors: 1 }), 'undetected failure: omission'],
    ['a program died', withApplication({ alive: false }), 'undetected failure: omission'],
    ['a program stuck', withApplication({ doneLately: 0 }), 'undetected failure: omission'],
    ['too much lost', withApplication({ lost: 50 }), 'undetected failure: timing'],
    ['too late', withApplication({ notes: ['half as fast as before'] }), 'undetected failure: timing'],
    ['a little lost', withApplication({ lost: 2 }), 'no effect'],
    ['not executed', { executedAt: [null] }, 'not executed'],
    ['executed', {}, 'no effect'],
    ['an error that hides in the driver', { firstErrorAt: 1300 }, 'no effect'],
    ['a failure that nothing above explains', late, 'not classified'],
    ['an error without an executed fault', { executedAt: [null], firstErrorAt: 1300 }, 'not classified'],
  ])('%s', (_, observation, expected) => {
    expect(outcome(observation)).toBe(expected);
  });

  it('takes the first row that fits, from the worst down', () => {
    // Each observation fits its row and all that come after it.
    const layers: [Partial<Observation>, string][] = [
      [{ end: 'host-error' }, 'not classified'],
      [{ end: 'panic' }, 'crash'],
      [{ kernelAlive: false }, 'hang'],
      [{ wildWriteCount: 1 }, 'kernel corrupted, undetected'],
      [{ events: events(['FAILED']) }, 'recovered, applications harmed'],
      [{ badPackets: 1 }, 'undetected failure: output'],
      [{ serviceAlive: false }, 'undetected failure: omission'],
      [withApplication({ lost: 90, notes: ['late'] }), 'undetected failure: timing'],
    ];
    for (let n = 0; n < layers.length; n++) {
      const all: Partial<Observation> = Object.assign(
        {},
        ...layers
          .slice(n)
          .reverse()
          .map(([o]) => o),
      );
      expect(outcome(all)).toBe(layers[n][1]);
    }
  });

  it('still calls a machine corrupted whose driver was detected and recovered later', () => {
    expect(outcome({ wildWriteCount: 1, events: RESTARTED })).toBe('kernel corrupted, undetected');
  });

  it('does not call a card that only read too much a corruption', () => {
    expect(outcome({ wildWrites: [{ ...wild, by: 'dma', read: true }] })).toBe('no effect');
  });

  it('says of every row what it means', () => {
    for (const { means } of OUTCOME_RULES) expect(means).toMatch(/^[A-Z].*\.$/);
  });
});
