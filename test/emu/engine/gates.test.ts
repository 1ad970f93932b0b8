/**
 * Rings are entered and left by compiled code as the interpreter does it: a user program that calls its kernel by INT, with
 * paging and a timer, whose handlers change what the next entry meets. Both engines agree in everything, wherever a run is
 * cut.
 */
import { describe, expect, it } from 'vitest';
import type { EngineKind } from '../../../emu/board.ts';
import type { Machine } from '../../../emu/machine.ts';
import { profiles } from '../../../emu/profile/index.ts';
import {
  CODE,
  DATA,
  dword,
  GDT,
  HANDLERS,
  IDT,
  KCODE,
  KDATA,
  PT,
  RING0_STACK,
  Rig,
  TASK_GATE,
  TSS,
  UCODE,
  UDATA,
  USER_STACK,
} from '../cpu/rig.ts';
import { figures, random } from './world.ts';

/** In the program's own page, and in another. */
const NEAR = CODE + 0x800;
const FAR = HANDLERS + 0x2000;
const COUNT = DATA + 0x40;
const SYSTEM_CALL = 0x80;
const GATE = IDT + SYSTEM_CALL * 8;
const USER_STACK_PTE = PT + ((USER_STACK >>> 12) - 1) * 4;
const TIMER = 0x20;

/** Instructions of ring 0. */
const setDword = (at: number, v: number) => `c705${dword(at)}${dword(v)}`;
const setByte = (at: number, v: number) => `c605${dword(at)}${dword(v).slice(0, 2)}`;
const andByte = (at: number, v: number) => `8025${dword(at)}${dword(v).slice(0, 2)}`;
const orByte = (at: number, v: number) => `800d${dword(at)}${dword(v).slice(0, 2)}`;
const invalidate = (at: number) => `0f013d${dword(at)}`;
/** Of the frame that lies behind `pushed` dwords: changes the low byte of the word that IRET pops as the `n`th. */
const orFrame = (pushed: number, n: number, byte: number, v: number) =>
  `804c24${dword(4 * (pushed + n) + byte).slice(0, 2)}${dword(v).slice(0, 2)}`;

/** What a handler that has pushed that many dwords does to the entries and returns that follow. */
const eventsOf = (pushed: number): readonly string[] => [
  ...[RING0_STACK - 4, IDT, GDT, TSS, CODE, USER_STACK - 4, GATE].map(invalidate),
  '0f20d8 0f22d8',
  '0f20c0 0f20d1 0f20e2 0f20d2',
  // The stack of ring 0 moves: nearby, to an odd address, across a page, into another page.
  ...[-0x40, -2, -0xff8, -0x1000, 0].map(by => setDword(TSS + 4, RING0_STACK + by)),
  // The gate: gone, for traps, for interrupts, for ring 0 only; its handler in the program's page or not.
  andByte(GATE + 5, 0x7f),
  setByte(GATE + 5, 0xef),
  setByte(GATE + 5, 0xee),
  setByte(GATE + 5, 0x8e),
  setDword(GATE, (KCODE << 16) | (NEAR & 0xffff)) + setDword(GATE + 4, (NEAR & 0xffff_0000) | 0xee00),
  setDword(GATE, (KCODE << 16) | (FAR & 0xffff)) + setDword(GATE + 4, (FAR & 0xffff_0000) | 0xee00),
  // Accessed bits, limits, a granular stack segment.
  ...[KCODE, KDATA, UCODE, UDATA].map(s => andByte(GDT + (s & ~7) + 5, 0xfe)),
  setDword(GDT + KDATA, 0x0000_3fff) + setDword(GDT + KDATA + 4, 0x00cf_9300),
  setDword(GDT + KDATA, 0x0000_ffff) + setDword(GDT + KDATA + 4, 0x00cf_9300),
  // Null selectors, while linear address 0 is at hand.
  `a100000000${setDword(TSS + 8, 0)}`,
  `a100000000${setDword(GATE, NEAR & 0xffff)}`,
  `a100000000${setDword(TSS + 8, KDATA)}`,
  // The program's stack: read-only, absent, the kernel's, and as it was.
  setDword(USER_STACK_PTE, ((USER_STACK - 4096) | 0x65) >>> 0) + invalidate(USER_STACK - 4),
  setDword(USER_STACK_PTE, 0) + invalidate(USER_STACK - 4),
  setDword(USER_STACK_PTE, ((USER_STACK - 4096) | 0x63) >>> 0) + invalidate(USER_STACK - 4),
  // Data segments of ring 0, which the return takes away.
  `b8${dword(KDATA)} 8ed8 8ec0`,
  `b8${dword(KDATA)} 8ee0`,
  `b8${dword(UDATA)} 8ed8 8ec0 8ee0`,
  // Flags that the return loads: TF, NT, AC, IOPL, IF off and on; interrupts on here.
  ...[
    [1, 1],
    [1, 0x40],
    [2, 4],
    [1, 0x30],
    [1, 2],
  ].map(([byte, v]) => orFrame(pushed, 2, byte, v)),
  'fb 90 90 fa',
  'fb 90',
  'cd03',
  '9c 80642401fd 9d',
];

/** The program, its kernel, and `count` events that happen now and then. */
function world(profile: string, seed: number, engine: EngineKind): Machine {
  const next = random(seed);
  const rig = new Rig(profiles[profile], engine);
  const { c } = rig;
  const user = ['43', '01d8', '8b0d00000400', '51 59', '31c8', 'a300000400', 'd3c0', '0fafc3', '8d4b07'];
  let program = '';
  for (let n = 2 + (next() % 8); n > 0; n--) program += user[next() % user.length];
  program += 'cd80';
  for (let n = next() % 4; n > 0; n--) program += user[next() % user.length];
  rig.code(`${program} ebfe`.replace('ebfe', `e9${dword(-(program.length / 2 + 5))}`), CODE);
  // The kernel's data segment is another than the program's, or not; its handlers load it, or not.
  if (next() % 3 === 0) rig.descriptor(KDATA, 0, 0x7ffff, 0x93, 0xc);
  const loads = next() % 2 === 0;
  const EVENTS = eventsOf(loads ? 5 : 3);
  const events: string[] = [];
  for (let n = next() % 4; n > 0; n--) events.push(EVENTS[next() % EVENTS.length].replaceAll(' ', ''));
  for (const at of [NEAR, FAR]) {
    // Registers are saved, calls counted; each event at its own counts.
    const saves = loads ? `1e06505152b8${dword(KDATA)}8ed88ec0` : '505152';
    let body = `${saves}ff05${dword(COUNT)}`;
    for (const [n, event] of events.entries()) {
      const mask = n === 0 && next() % 2 ? 0x3f : 0x0f;
      body += `a1${dword(COUNT)}83e0${dword(mask).slice(0, 2)}83f8${dword(next() & mask).slice(0, 2)}`;
      body += `75${dword(event.length / 2).slice(0, 2)}${event}`;
    }
    rig.code(`${body} 5a5958 ${loads ? '071f' : ''} cf`, at);
  }
  rig.idt(SYSTEM_CALL, KCODE, next() % 3 ? NEAR : FAR, next() % 4 ? 0xee : 0xef);
  for (let v = 0; v < 32; v++) {
    const error = v === 8 || (v >= 10 && v <= 14);
    // Whatever was changed is as it was, and the flags of the frame let the program go on.
    const repair =
      orByte(GATE + 5, 0xe0) +
      setDword(TSS + 4, RING0_STACK) +
      setDword(TSS + 8, KDATA) +
      setDword(GATE, (KCODE << 16) | (NEAR & 0xffff)) +
      setDword(USER_STACK_PTE, ((USER_STACK - 4096) | 0x67) >>> 0) +
      invalidate(USER_STACK - 4) +
      `50b8${dword(UDATA)}8ed88ec08ee058` +
      (error ? '83c404' : '') +
      '80642409be';
    rig.code(`${repair} cf`, 0x2_4000 + v * 0x80);
    rig.idt(v, KCODE, 0x2_4000 + v * 0x80, v === 3 ? 0xee : 0x8e);
  }
  rig.code(`ff05${dword(COUNT + 4)} cf`, 0x2_8000);
  rig.idt(TIMER, KCODE, 0x2_8000, next() % 2 ? 0x8e : 0x8f);
  // A double fault has its own task.
  if (next() % 2) rig.idt(8, TASK_GATE, 0, 0x85);
  if (next() % 4) rig.paging();
  if (next() % 2) rig.user();
  else c.esp = RING0_STACK - 0x200;
  c.eflags = next() % 2 ? 0x202 : 2;
  const out = (port: number, ...values: number[]) => {
    for (const v of values) rig.machine.space.writePort(port, 1, v);
  };
  const period = 40 + (next() % 400);
  out(0x20, 0x11);
  out(0x21, 0x20, 4, 3, 0xfe);
  out(0x43, 0x34);
  out(0x40, period & 0xff, period >> 8);
  c.eip = CODE;
  return rig.machine;
}

function eager(machine: Machine): Machine {
  if (machine.engine.jit) machine.engine.jit.hot = 1;
  return machine;
}

describe.each(Object.keys(profiles))('rings on %s', profile => {
  it('are changed as the interpreter changes them, wherever the run is cut', () => {
    const limit = profile === 'flat' ? 12_000 : 120_000;
    let delivered = 0;
    let deliveries = 0;
    for (let seed = 1; seed <= 30; seed++) {
      const next = random(seed * 31);
      const one = world(profile, seed, 'interpreter');
      const two = eager(world(profile, seed, 'compiled'));
      for (let at = 0; at < limit; ) {
        at += 1 + (next() % (limit >> 1));
        one.run(at);
        two.run(at);
        if (next() % 4 === 0) two.restore(two.snapshot());
        expect(figures(two), `seed ${seed} at ${at}`).toEqual(figures(one));
      }
      delivered += two.engine.jit?.delivered ?? 0;
      deliveries += two.cpu.deliveries;
    }
    // Most of them, by compiled code.
    expect(delivered).toBeGreaterThan(deliveries / 3);
  });
});
