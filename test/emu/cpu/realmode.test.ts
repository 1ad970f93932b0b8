/** Real-address mode: reset, paragraphs, the vector table, what is undefined there, and the way in and out. */
import { describe, expect, it } from 'vitest';
import { CODE, dword, EAX, EBX, EDX, KDATA, Rig, STACK, word } from './rig.ts';

const [UD, SS, GP] = [6, 12, 13];
const HANDLER = 0x8000; // offset of vector 0's handler in segment 0; 16 bytes each

/** Real mode with code at 1000:0, a stack at 3000:FFF0 going down, data at 4000:0, vectors at 0. */
function real(): Rig {
  const rig = new Rig();
  const c = rig.c;
  c.reset();
  for (const [s, selector] of [
    [0, 0x4000],
    [1, 0x1000],
    [2, 0x3000],
    [3, 0x4000],
  ])
    c.setSegment(s, selector, selector << 4, 0xffff, 0x9300);
  c.esp = 0xfff0;
  for (let v = 0; v < 256; v++) rig.set32(v * 4, HANDLER + v * 16);
  return rig;
}

/** Runs code at 1000:0. */
function run(rig: Rig, hex: string, steps = 1): void {
  rig.code(hex);
  rig.c.eip = 0;
  for (let n = 0; n < steps; n++) rig.step();
}

const stack16 = (rig: Rig, n: number) => rig.get16(rig.c.segmentBase(2) + (rig.c.esp & 0xffff) + 2 * n);

/** In the handler of `vector`, which will return to 1000:`ip`. */
function expectVector(rig: Rig, vector: number, ip = 0): void {
  expect([rig.c.selector(1), rig.c.eip]).toEqual([0, HANDLER + vector * 16]);
  expect([stack16(rig, 0), stack16(rig, 1)]).toEqual([ip, 0x1000]);
}

describe('reset', () => {
  it('starts at F000:FFF0, in the last 64 KiB below 4 GiB (SDM vol. 3, table 9-1)', () => {
    const { c } = new Rig();
    c.reset();
    expect([c.eip, c.selector(1), c.segmentBase(1), c.segmentLimit(1)]).toEqual([
      0xfff0, 0xf000, -65536, 0xffff,
    ]);
    expect([c.eflags, c.cr0 | 0, c.cr3, c.cr4, c.cpl]).toEqual([2, 0x6000_0010, 0, 0, 0]);
    expect([c.idtBase, c.idtLimit, c.gdtLimit, c.r32[EDX]]).toEqual([0, 0xffff, 0xffff, 0x686]);
  });
});

describe('paragraphs', () => {
  it('MOV, POP and LES give a base and leave limit and attributes', () => {
    const rig = real();
    rig.c.r32[EAX] = 0xabcd;
    run(rig, '8e e0'); // mov fs, ax
    expect([rig.c.selector(4), rig.c.segmentBase(4), rig.c.segmentLimit(4)]).toEqual([
      0xabcd, 0xabcd0, 0xffff,
    ]);
    rig.c.setSegment(3, 0x4000, 0x4_0000, 0xffff_ffff, 0xcf9300); // "unreal"
    rig.c.r32[EAX] = 0x4100;
    run(rig, '8e d8'); // mov ds, ax
    expect([rig.c.segmentBase(3), rig.c.segmentLimit(3), rig.c.segmentAttributes(3)]).toEqual([
      0x4_1000, 0xffff_ffff, 0xcf9300,
    ]);
  });

  it('a word at offset FFFF is #GP, at SS #SS, without error codes', () => {
    const rig = real();
    run(rig, 'a1 ff ff');
    expectVector(rig, GP);
    expect(rig.c.esp).toBe(0xffea);
    const other = real();
    run(other, '36 a1 ff ff');
    expectVector(other, SS);
  });

  it('writes through CS are allowed', () => {
    const rig = real();
    rig.c.r32[EAX] = 0x77;
    run(rig, '2e a2 00 02'); // mov cs:[200], al
    expect(rig.view.getUint8(CODE + 0x200)).toBe(0x77);
  });

  it('a push wraps from SP 0 and not from SP 1', () => {
    const rig = real();
    rig.c.esp = 0;
    run(rig, '50');
    expect(rig.c.esp & 0xffff).toBe(0xfffe);
    const odd = real();
    odd.c.esp = 1;
    run(odd, '50');
    expect(odd.c.shutdown).toBe(true); // #SS, #DF and no stack for either
  });
});

describe('far transfers', () => {
  it('CALL, RETF imm16 and JMP', () => {
    const rig = real();
    rig.code('ca 04 00', 0x2_5000);
    run(rig, '9a 00 50 00 20');
    expect([rig.c.selector(1), rig.c.eip, stack16(rig, 0), stack16(rig, 1)]).toEqual([
      0x2000, 0x5000, 5, 0x1000,
    ]);
    rig.step();
    expect([rig.c.selector(1), rig.c.eip, rig.c.esp]).toEqual([0x1000, 5, 0xfff4]);
    run(rig, '66 ea 34 12 00 00 00 20');
    expect([rig.c.segmentBase(1), rig.c.eip]).toEqual([0x2_0000, 0x1234]);
  });

  it('an offset beyond 64 KiB is #GP', () => {
    const rig = real();
    run(rig, '66 ea 00 00 01 00 00 20');
    expectVector(rig, GP);
  });
});

describe('interrupts', () => {
  it('INT pushes FLAGS, CS, IP and clears IF and TF; IRET restores', () => {
    const rig = real();
    rig.c.eflags = 0x0ed7;
    rig.set32(0x21 * 4, 0x2000_0010);
    rig.code('cf', 0x2_0010);
    run(rig, 'cd 21');
    expect([rig.c.selector(1), rig.c.eip, rig.c.eflags]).toEqual([0x2000, 0x10, 0x0cd7]);
    expect([0, 1, 2].map(n => stack16(rig, n))).toEqual([2, 0x1000, 0x0ed7]);
    rig.step();
    expect([rig.c.selector(1), rig.c.eip, rig.c.esp, rig.c.eflags]).toEqual([0x1000, 2, 0xfff0, 0x0ed7]);
  });

  it('a vector outside the table is #GP; without that one, shutdown', () => {
    const rig = real();
    rig.c.setIdt(0, 0x7f);
    run(rig, 'cd 20');
    expectVector(rig, GP);
    const none = real();
    none.c.setIdt(0, 0);
    run(none, 'cd 20');
    expect(none.c.shutdown).toBe(true);
  });

  it('32-bit IRET loads EFLAGS but VM', () => {
    const rig = real();
    rig.c.esp = 0x100;
    for (const [n, v] of [0x40, 0x1000, 0x0027_0ed7].entries()) rig.set32(0x3_0100 + 4 * n, v);
    run(rig, '66 cf');
    expect([rig.c.eip, rig.c.eflags & ~0x1_0000]).toEqual([0x40, 0x0024_0ed7]);
  });
});

describe('undefined in real mode', () => {
  for (const [name, hex] of [
    ['SLDT', '0f 00 c0'],
    ['STR', '0f 00 c8'],
    ['LLDT', '0f 00 d0'],
    ['LTR', '0f 00 d8'],
  ])
    it(name, () => {
      const rig = real();
      run(rig, hex);
      expectVector(rig, UD);
    });
  it('SYSENTER is #GP', () => {
    const rig = real();
    run(rig, '0f 34');
    expectVector(rig, GP);
  });
});

describe('the way in and out', () => {
  it('LGDT, MOV CR0, far JMP: protected mode; and back with flat limits', () => {
    const rig = real();
    rig.set16(0x4_0000, 0xef);
    rig.set32(0x4_0002, 0x1000); // the rig's GDT
    rig.c.r32[EAX] = 0x11;
    rig.c.r32[EBX] = KDATA;
    // lgdt [0]; mov cr0, eax; jmp dword 8:20000
    run(rig, `0f 01 16 00 00 0f 22 c0 66 ea ${dword(0x2_0000)} ${word(8)}`, 3);
    expect([rig.c.protectedMode, rig.c.selector(1), rig.c.eip, rig.c.codeBig]).toEqual([
      true,
      8,
      0x2_0000,
      true,
    ]);
    rig.c.r32[EAX] = 0x10;
    rig.code('8e db 0f 22 c0', 0x2_0000); // mov ds, bx; mov cr0, eax
    rig.step();
    rig.step();
    expect([rig.c.protectedMode, rig.c.segmentLimit(3), rig.c.segmentAttributes(1) & 0xff00]).toEqual([
      false,
      0xffff_ffff,
      0x9300,
    ]);
  });

  it('CS keeps its 16-bit size and base until a far jump', () => {
    const rig = real();
    rig.c.r32[EAX] = 0x11;
    run(rig, '0f 22 c0 b8 34 12', 2);
    expect([rig.c.eip, rig.c.r32[EAX]]).toEqual([6, 0x1234]);
    expect(rig.c.esp).not.toBe(STACK);
  });
});
