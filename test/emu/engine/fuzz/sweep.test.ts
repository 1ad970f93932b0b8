/**
 * What chance may miss, done place by place on both engines: an event, an NMI, an interrupt and the end of a run at every
 * tick of a few loops, and a fault at every instruction of a block.
 */
import { describe, expect, it } from 'vitest';
import type { IrqLine } from '../../../../emu/bus.ts';
import type { Checkpoint } from '../../../../emu/checkpoint.ts';
import { TICKS_PER_CYCLE } from '../../../../emu/clock.ts';
import type { Machine } from '../../../../emu/machine.ts';
import { profiles } from '../../../../emu/profile/index.ts';
import { HANDLERS, PT } from '../../cpu/rig.ts';
import { differences } from '../observe.ts';
import { Draft } from './generate.ts';
import { handlers } from './handlers.ts';
import { build, type Case, TIMER, type World } from './world.ts';

const KINDS = ['nmi', 'irq', 'limit'] as const;
/** Ticks before the sweep, in which the loop is compiled. */
const WARM = 8000;
/** With NOOKS86_FUZZ set, every tick; else fewer. */
const FULL = process.env.NOOKS86_FUZZ !== undefined;
/** Places of an event that one loop is swept over. */
const SWEPT = FULL ? 600 : 24;
const PROFILES = FULL ? Object.keys(profiles) : ['p4-1700', 'flat'];
/** An input of the interrupt controller that nothing else is wired to. */
const IRQ = 5;
const AFTER = 600;

/** Bodies of loops: EBP counts, ESI and EDI point to data. */
const LOOPS: Readonly<Record<string, string[]>> = {
  'arithmetic and memory': [
    '8b06',
    '01c8',
    '894604',
    '83c103',
    '0fafc1',
    '39c8',
    '7202',
    '41',
    '42',
    'ff4608',
  ],
  'calls and the stack': ['50', 'e8{rel f}', '58', 'e8{rel g}', 'ff15{abs table}'],
  'a string instruction': [
    'b9c8000000',
    'be00000400',
    'bf00200400',
    'fc',
    'f3a4',
    '40',
    'b940000000',
    'f3ab',
    'bf00200400',
  ],
  'interrupts off and on': [
    'fa',
    '40',
    '894604',
    'fb',
    '41',
    '42',
    '9c',
    'fa',
    '43',
    '9d',
    '8cd0',
    '8ed0',
    '40',
  ],
  'a branch that is foretold wrongly': [
    '0fafc0',
    '83c007',
    'a940000000',
    '7404',
    '8b0e',
    '01c8',
    '25ffff0000',
    'a802',
    '7501',
    '42',
  ],
  'a software interrupt': ['40', 'cd80', '41', '8906'],
  'a port and the clock': ['e461', '40', '0f31', '8906', '41'],
  'many pages': ['8b8600100000', '018600200000', '898600300000', '3b8600500000', '8b8600600000'],
  'a wait': ['40', 'fb', 'f4', '41', '8906'],
};

function caseOf(profile: string, body: string[], world: Partial<World> = {}): Case {
  const full: World = {
    ...{ profile, seed: 7, paging: true, cr0: 0x1_0000, cr4: 0x90, user: false, eflags: 0x202 },
    ...{ tables: [], period: 0, hot: 1, debug: null, regions: 0 },
    ...world,
  };
  const draft = new Draft(full, () => 0);
  return {
    world: full,
    acts: [],
    lines: [
      ...['@10000', 'start:', 'be00000400', 'bf00200400', 'bd00000010', 'again:'],
      ...body,
      ...['4d', '0f85{rel again}', 'e9{rel start}'],
      ...['@11000', 'f:', '41', '8b5608', 'c3', '@11ff8', 'g:', '01d1', '0fb6c1', '890e', '89c2', 'c3'],
      ...['@90000', 'table:', '{abs f}'],
      ...handlers(draft, HANDLERS),
      ...[`@${(HANDLERS + (TIMER + IRQ) * 16).toString(16)}`, 'e9{rel onTimer}'],
    ],
  };
}

/** A machine with an event of the test's own, and its state when the loop is warm. */
interface Swept {
  machine: Machine;
  event: number;
  line: IrqLine;
  checkpoint: Checkpoint;
}

function sweptOf(c: Case, kind: (typeof KINDS)[number], engine: 'interpreter' | 'compiled'): Swept {
  const machine = build(c, engine);
  machine.engine.nmiSource = () => true;
  const line = machine.pic.line(IRQ);
  const event = machine.clock.register('swept', () => {
    if (kind === 'nmi') machine.engine.nmi = true;
    else line.set(true);
  });
  const out = (port: number, ...values: number[]) => {
    for (const v of values) machine.space.writePort(port, 1, v);
  };
  out(0x20, 0x11);
  out(0x21, TIMER, 4, 3, 0xff & ~(1 << IRQ));
  // Something has to end a wait.
  machine.clock.schedule(event, kind === 'limit' ? WARM / 2 : Number.POSITIVE_INFINITY);
  machine.run(WARM / TICKS_PER_CYCLE);
  line.set(false);
  return { machine, event, line, checkpoint: machine.checkpoint() };
}

describe.each(PROFILES)('at every tick on %s', profile => {
  describe.each(Object.entries(LOOPS))('of %s', (_, body) => {
    it.each(KINDS)('comes %s', kind => {
      const pair = (['interpreter', 'compiled'] as const).map(e => sweptOf(caseOf(profile, body), kind, e));
      let delivered = 0;
      const step = FULL || profile === 'flat' ? 1 : 11;
      for (let ticks = 1; ticks < SWEPT * step; ticks += step) {
        for (const { machine, event, line, checkpoint } of pair) {
          machine.revert(checkpoint);
          line.set(false);
          const now = machine.clock.now();
          if (kind !== 'limit') machine.clock.schedule(event, now + ticks);
          machine.run((now + ticks + (kind === 'limit' ? 0 : AFTER)) / TICKS_PER_CYCLE);
        }
        const [one, two] = pair.map(p => p.machine);
        expect(differences(one, two), `${kind} after ${ticks} ticks`).toEqual([]);
        delivered += one.cpu.deliveries;
      }
      expect(pair[1].machine.engine.jit?.units).toBeGreaterThan(0);
      if (kind !== 'limit') expect(delivered).toBeGreaterThan(SWEPT / 2);
    });
  });
});

/** What a block is made of when the fault comes at each place of it. */
const BLOCK = [
  '40',
  '8906',
  '01c8',
  '8b4e04',
  '50',
  '0fafc1',
  '5a',
  '294608',
  'c1e003',
  '8a4e0c',
  '39d0',
  '11c3',
  '0fb6d1',
];
/** Instructions that fault: a page that is absent, one that is read-only, division by 0, no such instruction. */
const FAULTING: Readonly<Record<string, string>> = {
  'a load': '8b0d00000500',
  'a store': '890d00100500',
  'an update': '010d00100500',
  'a push of memory': 'ff3500000500',
  'a division': 'f7f7',
  'an instruction that is none': '0f0b',
  'a load of two pages': '8b0dfeff0400',
  'a store of two pages': '890dfeff0400',
  'a string': 'a5',
};

describe.each(PROFILES)('a fault at every place of a block on %s', profile => {
  it.each(Object.entries(FAULTING))('of %s', (_, code) => {
    for (let place = 0; place <= BLOCK.length; place++)
      for (const user of FULL ? [false, true] : [place % 2 === 1]) {
        const body = [
          '36c70500f00400{abs behind}',
          ...(code === 'f7f7' ? ['31ff'] : ['bf00200400']),
          ...(code === 'a5' ? ['bffcff0400', 'a5'] : []),
          ...BLOCK.slice(0, place),
          code,
          ...BLOCK.slice(place),
          'behind:',
          user ? 'bc00600300' : 'bc00000300',
        ];
        const tables: [number, number][] = [
          [PT + 0x50 * 4, 0x5_0000],
          [PT + 0x51 * 4, 0x5_1065],
        ];
        const c = caseOf(profile, body, { user, tables, eflags: 2 });
        const [one, two] = (['interpreter', 'compiled'] as const).map(e => build(c, e));
        for (const cycles of [3000, 16_000]) {
          one.run(cycles);
          two.run(cycles);
          expect(differences(one, two), `place ${place}, ${user ? 'user' : 'kernel'}`).toEqual([]);
        }
        expect(one.cpu.deliveries).toBeGreaterThan(2);
        expect(two.engine.jit?.units).toBeGreaterThan(0);
      }
  });
});
