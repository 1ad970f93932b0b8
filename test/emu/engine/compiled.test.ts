/**
 * The compiled engine is the interpreter, only faster: the same registers, RAM, clock, matrix, TLBs, caches and counters,
 * over hostile guests, over loops of random instructions, and whenever a run is cut. Compilation begins at once here.
 */
import { describe, expect, it } from 'vitest';
import type { EngineKind } from '../../../emu/board.ts';
import type { Machine } from '../../../emu/machine.ts';
import { profiles } from '../../../emu/profile/index.ts';
import { buildGuest } from '../../../guest/build.ts';
import { Session } from '../../../guest/session.ts';
import { CODE, DATA, HANDLERS, Rig } from '../cpu/rig.ts';
import { wild } from './wild.ts';
import { figures, random } from './world.ts';

function eager(machine: Machine): Machine {
  if (machine.engine.jit) machine.engine.jit.hot = 1;
  return machine;
}

const limitOf = (profile: string) => (profile === 'flat' ? 6_000 : 30_000);

/** Instructions that the loops are made of, without those that end a run: bytes are random where `?` stands. */
const FORMS = [
  ...[
    '01c?',
    '29d?',
    '31c?',
    '21d?',
    '09c?',
    '39c?',
    '85c?',
    '11c?',
    '19d?',
    '00c?',
    '28d?',
    '30e?',
    '20c?',
    '38c?',
  ],
  ...[
    '40',
    '4b',
    '42',
    'f7d?',
    'd3e0',
    'd3c2',
    'd3fb',
    'd3e9',
    'd3cf',
    'c1e3??',
    'c1fa??',
    'c1c1??',
    'd1e8',
    'd1c0',
  ],
  ...[
    '0fafc?',
    '69c?????????',
    '0fb6c?',
    '0fbed?',
    '0f9?c?',
    '0f4?c?',
    '83c0??',
    '80e1??',
    '0c??',
    '3c??',
    'a8??',
  ],
  ...[
    '8b06',
    '8906',
    '8b4e??',
    '894e??',
    '0106',
    '2b06',
    '3306',
    '230e',
    '3b06',
    '8506',
    'ff06',
    'ff0e',
    '8a06',
    '8806',
  ],
  ...[
    '0fb606',
    '0fbf06',
    '668906',
    '668b06',
    'c606??',
    'c706????????',
    '8d4c86??',
    '50',
    '58',
    '5b',
    '53',
    '6a??',
    'ff36',
  ],
  ...[
    'f7e3',
    'f7eb',
    '99',
    '98',
    'f8',
    'f9',
    'f5',
    '9c9d',
    '9f',
    '87d9',
    '91',
    'a4',
    'ac',
    'aa',
    '0fc8',
    'f366a5',
    'd7',
  ],
  ...['6689c?', '668906', '668b06', '668b4e??', '66c706????', '66b8????', '66c7c1????', '66a1????0300'],
  ...['6601c?', '6629d?', '6631c?', '6639c?', '660306', '662b06', '663b06', '66010e', '66290e', '663d????'],
  ...['6683c???', '6683f???', '668106????', '66812e????', '668336??', '6685c?', '668506', '66a9????'],
  ...[
    '66ff06',
    '66ff0e',
    '66ffc?',
    '66ff0e 74017?',
    '6640',
    'fe06',
    'fe0e',
    'fec?',
    'fecd',
    '66c1c?08',
    '66c1c???',
  ],
  ...['000e', '280e', '300e', '080e', '200e', '380e', '0206', '2a06', '3206', '0a06', '2206', '3a06', '840e'],
  ...['8006??', '802e??', '8036??', '800e??', '8026??', '803e??'],
  ...['0fa3c?', '0fabc?', '0fb3c?', '0fbbc?', '0fbae???', '0fba26??', '0fba2e??', '0fba36??', '0fba3e??'],
  ...['83e13f 0fab0e', '83e13f 0fa30e', '83e13f 0fbb0e', '0fb30e'],
  ...[
    'fc',
    'fda4fc',
    'fa',
    'fb',
    'fb40',
    '9c58',
    '509d',
    '9c66810c24???? 9d',
    '9c812424bfffffff9d',
    '9cfa9d',
  ],
  ...['8cd8', '668cd8', '8c1e', '8cd1', '0fb60e', '74017?', '7201??'.replace('??', '90')],
  ...[
    '8b0d????0300',
    '890d????0300',
    '8005????0300??',
    'e8000000005a',
    '74017?',
    '7501??'.replace('??', '90'),
    '7f0140',
  ],
];

/** A loop of random instructions on random data, with handlers that come back, some of which change the code. */
function loops(profile: string, seed: number, engine: EngineKind): Machine {
  const next = random(seed);
  const rig = new Rig(profiles[profile], engine);
  const body: string[] = [];
  for (let n = 10 + (next() % 60); n > 0; n--)
    body.push(FORMS[next() % FORMS.length].replaceAll('?', () => (next() & 15).toString(16)));
  // Now and then a store into the loop itself.
  if (next() % 3 === 0)
    body.splice(
      next() % body.length,
      0,
      `c605${le(CODE + 16 + (next() % 64))}${(next() & 0xff).toString(16).padStart(2, '0')}`,
    );
  const code = `be${le(DATA + (next() & 0xfff))} bf${le(DATA + 0x2000)} bd${le(40 + (next() % 60))} ${body.join(' ')} 4d 0f85`;
  const length = code.replaceAll(' ', '').length / 2;
  rig.code(`${code}${le(15 - length - 4)} ebfe`, CODE);
  for (let v = 0; v < 32; v++) {
    const error = v === 8 || (v >= 10 && v <= 14);
    rig.code(`${error ? '83c404' : ''} ff0424 cf`, HANDLERS + v * 16);
  }
  if (next() % 2) {
    rig.paging();
    rig.c.setCr4(next() & 0x90);
  }
  if (next() % 3 === 0) rig.user();
  for (let r = 0; r < 8; r++) if (r !== 4) rig.c.r32[r] = next();
  rig.c.eip = CODE;
  return rig.machine;
}

const le = (v: number) =>
  [0, 8, 16, 24].map(shift => ((v >>> shift) & 0xff).toString(16).padStart(2, '0')).join('');

describe.each(Object.keys(profiles))('compiled code on %s', profile => {
  it('does what hostile guests want, to the tick', () => {
    const limit = limitOf(profile);
    let units = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const one = wild(profile, seed);
      one.run(limit);
      const two = eager(wild(profile, seed, 'compiled'));
      const next = random(-seed);
      for (let at = 0; at < limit; ) {
        at = Math.min(limit, at + 1 + (next() % (limit >> 1)));
        two.run(at);
        if (next() % 4 === 0) two.restore(two.snapshot());
      }
      expect(figures(two), `seed ${seed}`).toEqual(figures(one));
      units += two.engine.jit?.units ?? 0;
    }
    expect(units).toBeGreaterThan(40);
  });

  it('does what loops of random instructions do, wherever the run is cut', () => {
    // A cycle is an instruction on flat.
    const limit = profile === 'flat' ? 10_000 : 40_000;
    let units = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const next = random(seed * 7919);
      const one = loops(profile, seed, 'interpreter');
      const two = eager(loops(profile, seed, 'compiled'));
      for (let at = 0; at < limit; ) {
        at += 1 + (next() % (limit >> 1));
        one.run(at);
        two.run(at);
        expect(figures(two), `seed ${seed} at ${at}`).toEqual(figures(one));
      }
      units += two.engine.jit?.units ?? 0;
    }
    expect(units).toBeGreaterThan(40);
  });
});

it('boots our kernel and its driver into a domain as the interpreter does', async () => {
  const build = await buildGuest();
  const machineOf = (engine: EngineKind) =>
    new Session({
      ...{ build, engine, profile: profiles['p4-1700'], memoryBytes: 32 << 20 },
      commandLine: 'isolation=nooks ip=10.0.0.1/24',
      modules: ['init insmod e1000; run netsend', 'e1000.ko', 'netsend 10.0.0.2 5001 4 0 1'],
    }).machine;
  const [one, two] = [machineOf('interpreter'), machineOf('compiled')];
  if (two.engine.jit) two.engine.jit.hot = 40;
  for (const at of [7e6, 31_487_000, 45e6]) {
    one.run(at);
    two.run(at);
    expect(figures(two), `at ${at}`).toEqual(figures(one));
  }
  expect(two.engine.jit?.units).toBeGreaterThan(10);
}, 120_000);
