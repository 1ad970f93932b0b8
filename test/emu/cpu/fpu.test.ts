/** The FPU among the rest of the processor: who may use it, how exceptions are reported, layouts, faults, snapshots. */
import { describe, expect, it } from 'vitest';
import { CR0_EM, CR0_MP, CR0_NE, CR0_TS } from '../../../emu/cpu/registers.ts';
import { CODE, DATA, dword, EAX, FLAGS, Rig, STACK } from './rig.ts';

const [UD, NM, GP, PF, MF] = [6, 7, 13, 14, 16];
const ES_B = 0x8080;

/** All exceptions masked, stack empty, CR0.NE set. */
function rig(cr0 = CR0_NE): Rig {
  const r = new Rig();
  r.c.setCr0(r.c.cr0 | cr0);
  r.c.fpu.init();
  return r;
}

/** A zero divide waits, unmasked. */
function waiting(cr0 = CR0_NE): Rig {
  const r = rig(cr0);
  r.c.fpu.control = 0x37b;
  r.run('d9 e8 d9 ee de f9', 3); // fld1; fldz; fdivp
  expect(r.c.fpu.pending).toBe(true);
  return r;
}

const at = (address: number) => `05${dword(address)}`;

describe('after reset', () => {
  it('registers hold +0 and are not empty, all exceptions are unmasked', () => {
    const { fpu } = new Rig().c;
    expect([fpu.control, fpu.status, fpu.tags]).toEqual([0x40, 0, 0x5555]);
  });

  it('FNINIT makes the state that software expects', () => {
    const r = new Rig().run('db e3');
    expect([r.c.fpu.control, r.c.fpu.status, r.c.fpu.tags]).toEqual([0x37f, 0, 0xffff]);
  });
});

describe('#NM', () => {
  const instructions = ['d9 e8', 'db e3', 'db e2', 'df e0', `d9 3d${dword(DATA)}`, 'db e0', 'd9 d0'];

  it('is raised by every instruction of the FPU while CR0.EM or TS is set', () => {
    for (const bit of [CR0_EM, CR0_TS])
      for (const hex of instructions) {
        const r = rig(bit);
        r.run(hex);
        r.expectPlainFault(NM);
      }
  });

  it('comes before #PF of the operand and before #MF, and #UD before it', () => {
    const r = waiting();
    r.c.setCr0(r.c.cr0 | CR0_TS);
    r.paging();
    r.pte(DATA, 0);
    r.run(`d9 ${at(DATA)}`);
    r.expectPlainFault(NM);
    const s = rig(CR0_TS);
    s.run('d9 d1');
    s.expectPlainFault(UD);
  });

  it('is raised by WAIT with both MP and TS only', () => {
    for (const bits of [CR0_MP, CR0_TS, CR0_EM]) {
      const r = rig(bits).run('9b');
      expect(r.c.eip).toBe(CODE + 1);
    }
    rig(CR0_MP | CR0_TS)
      .run('9b')
      .expectPlainFault(NM);
  });
});

describe('an exception that waits, with CR0.NE', () => {
  it('is #MF at the next waiting instruction, WAIT among them', () => {
    for (const hex of ['d9 e8', '9b', 'd9 d0', `d9 2d${dword(DATA)}`]) {
      const r = waiting();
      r.run(hex);
      r.expectPlainFault(MF);
    }
  });

  it('does not stop those that do not wait', () => {
    const r = waiting();
    r.run('df e0');
    expect([r.c.eip, r.c.r32[EAX] & ES_B, r.c.r32[EAX] & 0x3f]).toEqual([CODE + 2, ES_B, 4]);
    r.run('db e0');
    expect(r.c.eip).toBe(CODE + 2);
    r.run('db e2');
    expect([r.c.eip, r.c.fpu.status & (ES_B | 0xff)]).toEqual([CODE + 2, 0]);
    r.run('d9 e8');
    expect(r.c.eip).toBe(CODE + 2);
  });

  it('is there as soon as FLDCW unmasks what happened before', () => {
    const r = rig();
    r.run('d9 e8 d9 ee de f9', 3);
    expect([r.c.fpu.pending, r.c.fpu.status & 4]).toEqual([false, 4]);
    r.set16(DATA, 0x37b);
    r.run(`d9 2d${dword(DATA)} 9b`, 2);
    r.expectPlainFault(MF, CODE + 6);
  });

  it('comes before a page fault of the operand', () => {
    const r = waiting().paging();
    r.pte(DATA, 0);
    r.run(`d9 ${at(DATA)}`);
    r.expectPlainFault(MF);
  });
});

describe('an exception that waits, without CR0.NE', () => {
  /** Interrupts on, IRQ 13 at vector 0x75; the handler clears port 0xF0 and then runs `rest`. */
  function pc(rest: string): Rig {
    const r = waiting(0);
    const { space } = r.machine;
    for (const [port, v] of [
      [0x20, 0x11],
      [0x21, 8],
      [0x21, 4],
      [0x21, 1],
      [0xa0, 0x11],
      [0xa1, 0x70],
      [0xa1, 2],
      [0xa1, 1],
      [0x21, 0xfb],
      [0xa1, 0xdf],
    ])
      space.writePort(port, 1, v);
    r.c.eflags = 2 | FLAGS.IF;
    r.code(`e6 f0 ${rest}`, r.handler(0x75));
    return r;
  }
  const EOI = 'b0 20 e6 a0 e6 20';

  it('interrupts with IRQ 13 before the waiting instruction, which runs when the handler has cleared it', () => {
    const r = pc(`db e2 ${EOI} cf`);
    r.code('d9 e8 f4');
    r.c.eflags = 2 | FLAGS.IF;
    r.machine.run(10_000);
    expect([r.c.eip, r.c.fpu.pending, r.c.fpu.ignne]).toEqual([CODE + 3, false, false]);
    expect(r.c.fpu.se(0)).toBe(0x3fff);
  });

  it('is ignored by the handler after port 0xF0, until it is cleared', () => {
    const r = pc(`d9 e8 dd d8 db e2 ${EOI} cf`); // fld1 with the exception still there: IGNNE#
    r.code('9b f4');
    r.machine.run(10_000);
    expect([r.c.eip, r.c.fpu.pending, r.c.fpu.ignne]).toEqual([CODE + 2, false, false]);
  });

  it('holds the processor while interrupts are off', () => {
    const r = pc('cf');
    r.code('9b f4');
    r.c.eflags = 2;
    expect(r.machine.run(10_000).reason).not.toBe('exit');
    expect([r.c.eip, r.c.halted]).toEqual([CODE, true]);
  });
});

describe('large operands', () => {
  it('FNSAVE, FNSTENV and FSTP m80 that fault on their second page write nothing and change nothing', () => {
    const page = DATA + 0x1000;
    for (const [modrm, size] of [
      ['dd 35', 108],
      ['d9 35', 28],
      ['db 3d', 10],
    ] as const) {
      const r = rig().paging();
      r.run('d9 e8 d9 eb', 2);
      r.pte(page, 0);
      const before = [r.c.fpu.status, r.c.fpu.tags, r.c.fpu.control];
      const bytes = r.machine.readPhysical(page - size, 2 * size);
      r.run(`${modrm}${dword(page - size + 2)}`);
      r.expectFault(PF, 2);
      expect([r.c.fpu.status, r.c.fpu.tags, r.c.fpu.control]).toEqual(before);
      expect(r.machine.readPhysical(page - size, 2 * size)).toEqual(bytes);
    }
  });

  it('FRSTOR, FLDENV and FLD m80 that fault on their second page load nothing', () => {
    const page = DATA + 0x1000;
    for (const [modrm, size] of [
      ['dd 25', 108],
      ['d9 25', 28],
      ['db 2d', 10],
    ] as const) {
      const r = rig().paging();
      r.run('d9 e8 d9 eb', 2);
      r.pte(page, 0);
      const before = [r.c.fpu.status, r.c.fpu.tags, r.c.fpu.control, r.c.fpu.se(0)];
      r.run(`${modrm}${dword(page - size + 2)}`);
      r.expectFault(PF, 0);
      expect([r.c.fpu.status, r.c.fpu.tags, r.c.fpu.control, r.c.fpu.se(0)]).toEqual(before);
    }
  });

  it('are checked against the segment as a whole, before any page', () => {
    const r = rig().paging();
    r.pte(DATA, 0);
    r.c.setSegment(3, 0x10, 0, DATA + 8, 0x409300);
    r.run(`db 2d${dword(DATA)}`);
    r.expectFault(GP, 0);
  });
});

describe('the environment', () => {
  /** FIP, FDP and opcode of an FLD m32 at CODE. */
  function loaded(): Rig {
    return rig().run(`d9 ${at(DATA)}`);
  }

  it('has selectors and offsets in protected mode, with 32 and 16 bits', () => {
    const r = loaded();
    r.run(`d9 35${dword(DATA + 0x100)}`);
    expect([0, 1, 2, 3, 4, 5, 6].map(n => r.get32(DATA + 0x100 + 4 * n))).toEqual([
      0xffff037f,
      0xffff3800,
      0xffff7fff,
      CODE,
      0x01050008,
      DATA,
      0xffff0010,
    ]);
    r.run(`66 d9 35${dword(DATA + 0x200)}`);
    expect([0, 1, 2, 3, 4, 5, 6].map(n => r.get16(DATA + 0x200 + 2 * n))).toEqual([
      0x37f,
      0x3800,
      0x7fff,
      CODE & 0xffff,
      8,
      DATA & 0xffff,
      0x10,
    ]);
    expect(r.c.fpu.control & 0x3f).toBe(0x3f);
  });

  it('has linear addresses in real-address mode, with 16 and 32 bits, and takes them back', () => {
    const r = rig(0);
    r.c.setCr0(r.c.cr0 & ~1);
    for (const [s, selector] of [
      [1, CODE >> 4],
      [3, DATA >> 4],
    ])
      r.c.setSegment(s, selector, selector << 4, 0xffff, 0x9300);
    const run = (hex: string) => {
      r.code(hex);
      r.c.eip = 0;
      r.step();
    };
    run('d9 06 10 00'); // fld dword [0x10]
    run('d9 36 00 01'); // fnstenv [0x100]
    expect([3, 4, 5, 6].map(n => r.get16(DATA + 0x100 + 2 * n))).toEqual([0, 0x1106, 0x10, 0x4000]);
    run('66 d9 36 00 02');
    expect([3, 4, 5, 6].map(n => r.get32(DATA + 0x200 + 4 * n))).toEqual([
      0xffff0000, 0x1106, 0xffff0010, 0x4000,
    ]);
    r.c.fpu.init();
    for (const hex of ['d9 26 00 01', '66 d9 26 00 02']) {
      run(hex);
      expect([r.c.fpu.fip, r.c.fpu.fop, r.c.fpu.fdp]).toEqual([CODE, 0x106, DATA + 0x10]);
    }
  });

  it('has linear addresses in virtual-8086 mode too, where #MF is reported as elsewhere', () => {
    const r = rig();
    [0, CODE >> 4, FLAGS.VM | 2, 0xffe0, 0x3000, 0, DATA >> 4, 0, 0].forEach((v, n) => {
      r.set32(STACK - 36 + n * 4, v);
    });
    r.c.esp = STACK - 36;
    r.code('cf', 0x2_c000);
    r.step();
    expect(r.c.virtual8086).toBe(true);
    const run = (hex: string) => {
      r.code(hex);
      r.c.eip = 0;
      r.step();
    };
    run('d9 06 10 00');
    run('d9 36 00 01');
    expect([3, 4, 5, 6].map(n => r.get16(DATA + 0x100 + 2 * n))).toEqual([0, 0x1106, 0x10, 0x4000]);
    r.c.fpu.control = 0x37b;
    for (const hex of ['d9 e8', 'd9 ee', 'd8 f9', '9b']) run(hex); // 1 by 0
    expect([r.c.eip, r.c.cpl, r.c.virtual8086]).toEqual([r.handler(MF), 0, false]);
  });
});

describe('state', () => {
  it('is in a snapshot', () => {
    const r = rig().run('d9 e8 d9 eb', 2);
    const snapshot = r.machine.snapshot();
    r.run('db e3');
    r.machine.restore(snapshot);
    expect([r.c.fpu.tags, r.c.fpu.se(0), r.c.fpu.hi(0) >>> 0]).toEqual([0x0fff, 0x4000, 0xc90fdaa2]);
  });

  it('is left alone by code that has no FPU instruction, a task switch among it', () => {
    const r = rig().run('d9 e8');
    const before = [r.c.fpu.status, r.c.fpu.tags];
    r.run(`ea${dword(0)}3000`); // a far jump to another task
    expect(r.c.cr0 & CR0_TS).toBe(CR0_TS);
    expect([r.c.fpu.status, r.c.fpu.tags]).toEqual(before);
  });

  it('LOCK is #UD', () => {
    rig()
      .run(`f0 d9 ${at(DATA)}`)
      .expectPlainFault(UD);
  });
});
