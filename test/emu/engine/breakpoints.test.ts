/** Breakpoints of the debug registers, by SDM vol. 3, 17.2 and 17.3.1. The handler of #DB is looked at, not run. */
import { beforeEach, describe, expect, it } from 'vitest';
import { CODE, DATA, dword, EAX, ECX, EDI, ESI, FLAGS, HANDLERS, KDATA, Rig, STACK } from '../cpu/rig.ts';

const DB = 1;
const DB_HANDLER = HANDLERS + DB * 16;
const BS = 0x4000;
const EXECUTE = 0;
const WRITE = 1;
const PORT = 2;
const ACCESS = 3;
const LEN: Record<number, number> = { 1: 0, 2: 1, 4: 3 };

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});

/** Enables breakpoint `n`, by its local bit. */
function arm(n: number, address: number, type: number, length = 1): void {
  rig.c.setDr(n, address);
  rig.c.setDr(7, rig.c.dr(7) | (1 << (2 * n)) | (type << (16 + 4 * n)) | (LEN[length] << (18 + 4 * n)));
}

const inHandler = () => rig.c.eip >>> 0 === DB_HANDLER;
const met = () => rig.c.dr(6) & 0xf;
/** EIP in the frame of the #DB, and whether its RF is set. */
const frame = () => ({ eip: rig.stack(0), rf: (rig.stack(2) & FLAGS.RF) !== 0 });

describe('an instruction breakpoint', () => {
  it('faults before the instruction, and does not push RF', () => {
    arm(0, CODE + 1, EXECUTE);
    rig.run('40 40 40', 1);
    expect([inHandler(), rig.c.r32[EAX]]).toEqual([false, 1]);
    rig.step();
    expect([inHandler(), rig.c.r32[EAX], met()]).toEqual([true, 1, 1]);
    expect(frame()).toEqual({ eip: CODE + 1, rf: false });
  });

  it('is found by run as by step', () => {
    arm(0, CODE + 2, EXECUTE);
    rig.code('f4', DB_HANDLER);
    rig.code('40 40 40 40');
    expect(rig.machine.run(1000)).toEqual({ reason: 'halted' });
    expect(rig.c.r32[EAX]).toBe(2);
    expect(frame()).toEqual({ eip: CODE + 2, rf: false });
  });

  it('is ignored for one instruction after IRET loads RF', () => {
    arm(0, CODE, EXECUTE);
    rig.code('81 4c 24 08 00 00 01 00 cf', DB_HANDLER); // or dword [esp+8], RF; iret
    rig.code('40 eb fd'); // inc eax; jmp CODE
    rig.step();
    expect(inHandler()).toBe(true);
    rig.step();
    rig.step();
    expect([rig.c.eip, rig.c.systemFlags & FLAGS.RF]).toEqual([CODE, FLAGS.RF]);
    rig.step();
    expect([rig.c.eip, rig.c.r32[EAX], rig.c.systemFlags & FLAGS.RF]).toEqual([CODE + 1, 1, 0]);
    rig.step();
    rig.step();
    expect([inHandler(), rig.c.r32[EAX]]).toEqual([true, 1]);
  });

  it('comes before a fault of fetching or decoding the instruction', () => {
    rig.paging();
    arm(3, 0x9_f000, EXECUTE);
    rig.pte(0x9_f000, 0);
    rig.c.eip = 0x9_f000;
    rig.step();
    expect([inHandler(), met()]).toEqual([true, 8]);
  });

  it('compares linear addresses: the base of CS counts', () => {
    rig.c.setSegment(1, 8, 0x1_0000, 0xffff_ffff, 0xcf9b00);
    arm(1, CODE, EXECUTE);
    rig.code('40');
    rig.c.eip = 0;
    rig.step();
    expect([met(), rig.stack(0)]).toEqual([2, 0]);
  });

  it('is met at the first byte only', () => {
    arm(0, CODE + 1, EXECUTE);
    rig.run('b8 78 56 34 12 40', 2);
    expect([inHandler(), rig.c.eip]).toEqual([false, CODE + 6]);
  });

  it('on a string instruction is met once, not in each round', () => {
    arm(0, CODE, EXECUTE);
    rig.c.r32[ECX] = 3;
    rig.c.r32[EDI] = DATA;
    rig.c.setSystemFlag(FLAGS.RF, true);
    rig.run('f3 aa', 3);
    expect([rig.c.eip, rig.c.r32[ECX]]).toEqual([CODE + 2, 0]);
  });

  it('after MOV SS waits: it is not met', () => {
    arm(0, CODE + 2, EXECUTE);
    rig.c.r32[EAX] = KDATA;
    rig.run('8e d0 41 41', 3);
    expect([inHandler(), rig.c.r32[ECX]]).toEqual([false, 2]);
  });

  it('after STI is met', () => {
    arm(0, CODE + 1, EXECUTE);
    rig.run('fb 41', 2);
    expect([inHandler(), rig.c.r32[ECX]]).toEqual([true, 0]);
  });

  it('does not go for what DR7 does not enable', () => {
    rig.c.setDr(0, CODE);
    rig.run('40');
    expect([inHandler(), met()]).toEqual([false, 0]);
    rig.c.setDr(7, 0x402); // G0
    rig.run('40');
    expect([inHandler(), met()]).toEqual([true, 1]);
  });
});

describe('a data breakpoint', () => {
  const store = (address: number) => `a3 ${dword(address)}`; // mov [address], eax
  const load = (address: number) => `a1 ${dword(address)}`;

  it('traps behind the instruction that wrote', () => {
    arm(0, DATA, WRITE, 4);
    rig.c.r32[EAX] = 77;
    rig.run(store(DATA));
    expect([inHandler(), met(), rig.get32(DATA)]).toEqual([true, 1, 77]);
    expect(frame()).toEqual({ eip: CODE + 5, rf: false });
  });

  it('for writes does not see loads; for both sees both, but no fetch', () => {
    arm(0, DATA, WRITE, 4);
    arm(1, DATA + 8, ACCESS, 4);
    arm(2, CODE, ACCESS, 4);
    rig.run(load(DATA));
    expect([inHandler(), met()]).toEqual([false, 0]);
    rig.run(load(DATA + 8));
    expect([inHandler(), met()]).toEqual([true, 2]);
    rig.c.setDr(6, 0);
    rig.run(store(DATA + 8));
    expect([inHandler(), met()]).toEqual([true, 2]);
  });

  it.each([
    [1, 0, 4, true],
    [1, 3, 4, true],
    [1, 4, 4, false],
    [2, 0, 4, true],
    [2, 3, 4, true], // aligned down to 2
    [2, 4, 4, false],
    [2, -2, 4, false],
    [2, -1, 4, false], // aligned down to −2
    [4, 3, 4, true], // aligned down to 0
    [4, -1, 4, false],
    [4, -4, 4, false],
    [4, 4, 4, false],
    [4, -4, -1, true],
  ])('of length %i at %i is met by a dword at %i−4: %s', (length, offset, end, hit) => {
    const at = DATA + 0x100;
    arm(0, at + offset, WRITE, length);
    rig.run(store(at + end - 4));
    expect(inHandler()).toBe(hit);
  });

  it.each([
    ['push eax', '50', STACK - 4],
    ['pop [m] reads the stack', `8f 05 ${dword(DATA + 64)}`, STACK],
    ['inc [m]', `ff 05 ${dword(DATA)}`, DATA],
    ['a write over two pages', `a3 ${dword(DATA + 0xffe)}`, DATA + 0x1000],
    ['the GDT when a segment is loaded', '8e d8', 0x1010],
  ])('sees %s', (_, code, address) => {
    arm(2, address, ACCESS, 1);
    rig.c.r32[EAX] = KDATA;
    rig.run(code);
    expect([inHandler(), met()]).toEqual([true, 4]);
  });

  it('is not met by an access that faults', () => {
    rig.paging();
    rig.pte(DATA, 0);
    arm(0, DATA, WRITE, 4);
    rig.run(store(DATA));
    rig.expectFault(14, 2);
    expect(met()).toBe(0);
  });

  it('of an instruction that faults after a first access is forgotten', () => {
    rig.paging();
    rig.pte(DATA + 0x1000, 0);
    arm(0, DATA, ACCESS, 4);
    rig.c.r32[ESI] = DATA;
    rig.c.r32[EDI] = DATA + 0x1000;
    rig.run('a5', 2); // movsd: the load meets it, the store faults
    expect(met()).toBe(0);
  });

  it('stops REP after the round that met it, with RF pushed while rounds are left', () => {
    arm(0, DATA + 2, WRITE, 1);
    rig.c.r32[ECX] = 4;
    rig.c.r32[EDI] = DATA;
    rig.run('f3 aa', 3);
    expect([inHandler(), rig.c.r32[ECX], rig.c.r32[EDI]]).toEqual([true, 1, DATA + 3]);
    expect(frame()).toEqual({ eip: CODE, rf: true });
    rig.c.r32[ECX] = 1;
    rig.c.r32[EDI] = DATA + 2;
    rig.run('f3 aa');
    expect(frame()).toEqual({ eip: CODE + 2, rf: false });
  });

  it('met by MOV SS is reported behind the next instruction', () => {
    arm(0, DATA, ACCESS, 2);
    rig.set32(DATA, KDATA);
    rig.run(`8e 15 ${dword(DATA)} 41 41`);
    expect(inHandler()).toBe(false);
    rig.step();
    expect([inHandler(), met(), rig.c.r32[ECX], rig.stack(0)]).toEqual([true, 1, 1, CODE + 7]);
  });

  it('in the frame of INT is reported before the first instruction of its handler', () => {
    arm(0, STACK - 4, WRITE, 4);
    rig.run('cd 80');
    expect([inHandler(), met(), rig.stack(0)]).toEqual([true, 1, rig.handler(0x80)]);
  });

  it('shares one debug exception with the single step', () => {
    arm(0, DATA, WRITE, 4);
    rig.c.eflags = FLAGS.TF | 2;
    rig.run(store(DATA));
    expect([inHandler(), rig.c.dr(6) & (BS | 15)]).toEqual([true, BS | 1]);
    rig.step();
    expect(rig.c.deliveries).toBe(1);
  });

  it('comes before an interrupt that waits', () => {
    arm(0, DATA, WRITE, 4);
    rig.c.eflags = FLAGS.IF | 2;
    rig.machine.engine.nmi = true;
    rig.c.shadow = true; // holds the NMI off over the store
    rig.run(store(DATA));
    expect(inHandler()).toBe(true);
  });

  it('goes when a breakpoint is disabled, and the fast road is taken again', () => {
    arm(0, DATA, WRITE, 4);
    rig.c.setDr(7, 0x400);
    rig.run(store(DATA));
    expect([inHandler(), met(), rig.c.breakpoints.armed]).toEqual([false, 0, false]);
  });

  it('is armed again in a restored snapshot', () => {
    arm(0, DATA, WRITE, 4);
    const snapshot = rig.machine.snapshot();
    rig.c.setDr(7, 0x400);
    rig.machine.restore(snapshot);
    rig.run(store(DATA));
    expect(met()).toBe(1);
  });
});

describe('an I/O breakpoint', () => {
  it('needs CR4.DE; it traps behind IN, OUT and a round of OUTS', () => {
    arm(0, 0x80, PORT, 1);
    rig.run('e6 80');
    expect(inHandler()).toBe(false);
    rig.c.setCr4(8);
    for (const [code, next] of [
      ['e6 80', 2],
      ['e4 80', 2],
      ['e5 7e', 2],
    ] as const) {
      rig.c.setDr(6, 0);
      rig.run(code);
      expect([inHandler(), met(), rig.stack(0)], code).toEqual([true, 1, CODE + next]);
    }
    rig.c.r32[2] = 0x80;
    rig.c.r32[ECX] = 3;
    rig.c.r32[ESI] = DATA;
    rig.run('f3 6e');
    expect([inHandler(), rig.c.r32[ECX], rig.stack(0)]).toEqual([true, 2, CODE]);
  });

  it('is not met by memory', () => {
    rig.c.setCr4(8);
    arm(0, DATA, PORT, 4);
    rig.run(`a3 ${dword(DATA)}`);
    expect(inHandler()).toBe(false);
  });
});

it('timing does not change while a breakpoint that is never met is armed', () => {
  const ticks = (armed: boolean) => {
    rig = new Rig();
    if (armed) arm(0, DATA + 0x8000, WRITE, 4);
    rig.c.r32[ECX] = 50;
    rig.c.r32[ESI] = DATA;
    rig.code('ff 06 83 c6 04 e2 f9 f4'); // l: inc [esi]; add esi,4; loop l; hlt
    rig.machine.run(10_000);
    return [rig.machine.clock.now(), rig.c.instructions];
  };
  expect(ticks(true)).toEqual(ticks(false));
});
