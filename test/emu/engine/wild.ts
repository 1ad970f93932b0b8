/** Hostile guests: random bytes as code, with random page tables, descriptors and registers, from a seed. */
import type { EngineKind } from '../../../emu/board.ts';
import type { Machine } from '../../../emu/machine.ts';
import { profiles } from '../../../emu/profile/index.ts';
import { CODE, DATA, HANDLERS, PD, PT, Rig } from '../cpu/rig.ts';
import { random } from './world.ts';

/** Opcodes that random bytes seldom hit, strewn over them: system instructions, strings, segments, branches. */
const SPICE = [
  'f3a5',
  'f3aa',
  'f2ae',
  'f3a6',
  '0f22d8',
  '0f22c0',
  '0f22e0',
  '0f20c0',
  '0f23f8',
  '0f23c0',
  '0f21f8',
  '0f0138',
  '0f31',
  'cd80',
  'cf',
  '8ed0',
  '17',
  '8ed8',
  'fb',
  'fa',
  'f4',
  '9c',
  '9d',
  'e440',
  'e640',
  'e620',
  'ee',
  '6c',
  'f36d',
  '0f30',
  '0f34',
  'ea00000100080000',
  '9a000001000800',
  'cb',
  '60',
  '61',
  'c8100003',
  'c9',
  '0fc70e',
  'f00fb10e',
  '87f4',
  'ebfe',
  'e2fe',
  '0f0b',
  'cc',
  'ce',
  'f1',
  '66',
  '67',
  'eb00',
  '75fc',
  '890e',
  '8b0e',
  'c605',
];

export function wild(profile: string, seed: number, engine: EngineKind = 'interpreter'): Machine {
  const next = random(seed);
  const rig = new Rig(profiles[profile], engine);
  const { c } = rig;
  const fill = (at: number, length: number) => {
    const code = new Uint8Array(length);
    for (let n = 0; n < length; ) {
      const pick = next() % 4;
      if (pick === 0) {
        const hex = SPICE[next() % SPICE.length];
        for (let k = 0; k < hex.length && n < length; k += 2)
          code[n++] = Number.parseInt(hex.slice(k, k + 2), 16);
      } else code[n++] = next();
    }
    rig.machine.writePhysical(at, code);
  };
  fill(CODE, 0x2000);
  // Handlers that come back (so that a fault is not the end), and some that are wild themselves.
  for (let v = 0; v < 256; v++) {
    const at = HANDLERS + v * 16;
    const error = v === 8 || (v >= 10 && v <= 14);
    if (next() % 8 === 0) fill(at, 16);
    // [add esp, 4;] inc dword [esp]; iret
    else rig.code(`${error ? '83c404' : ''} ff0424 cf`, at);
  }
  if (next() % 4 !== 0) {
    rig.paging();
    for (let n = next() % 16; n > 0; n--) rig.set32(PT + (next() % 256) * 4, next() & (next() | 0x7));
    if (next() % 4 === 0) rig.set32(PD + (next() % 1024) * 4, next() & (next() | 0x87));
    c.setCr4(next() & 0x9c);
    c.setCr3(PD);
  }
  if (next() % 2) rig.user();
  for (let r = 0; r < 8; r++) c.r32[r] = r === 4 ? c.esp : next() % 3 ? DATA + (next() & 0xffff) : next();
  if (next() % 8 === 0) c.esp = next();
  if (next() % 4 === 0) {
    for (let n = 0; n < 4; n++) c.setDr(n, CODE + (next() & 0x1fff));
    c.setDr(7, (next() & 0xffff_00ff) | 0x400);
  }
  c.eflags = (next() & 0x7fd7) | 2;
  c.eip = CODE + (next() & 0xff);
  tick(rig.machine, 50 + (next() % 500));
  return rig.machine;
}

/** IRQ 0 every `period` PIT counts on vector 0x20, the 8259s in automatic EOI mode, all else masked. */
function tick(m: Machine, period: number): void {
  const out = (port: number, ...values: number[]) => {
    for (const v of values) m.space.writePort(port, 1, v);
  };
  out(0x20, 0x11);
  out(0x21, 0x20, 4, 3, 0xfe);
  out(0x43, 0x34);
  out(0x40, period & 0xff, period >> 8);
}
