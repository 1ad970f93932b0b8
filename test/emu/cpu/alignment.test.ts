/** Alignment checks: CR0.AM, EFLAGS.AC and CPL 3 (SDM vol. 3, 6.15, #AC). Which operands: test/silicon asks a CPU. */
import { describe, expect, it } from 'vitest';
import { flat } from '../../../emu/profile/flat.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import { CODE, DATA, EAX, EBX, EDI, KDATA, LDTR, Rig, TSS, USER_STACK } from './rig.ts';

const AC = 17;
const AM = 0x4_0000;
const AC_FLAG = 0x4_0000;

/** Ring 3 with paging and both bits set. */
function checked(profile = flat): Rig {
  const rig = new Rig(profile).paging().user();
  rig.c.setCr0(rig.c.cr0 | AM);
  rig.c.eflags = 2 | AC_FLAG;
  rig.c.r32[EAX] = DATA + 1;
  rig.c.r32[EBX] = DATA + 2;
  return rig;
}

describe('#AC', () => {
  it('has error code 0 and the faulting EIP, and leaves everything as it was', () => {
    const rig = checked();
    rig.c.r32[EDI] = DATA;
    rig.run('ff 00'); // inc dword [eax]
    rig.expectFault(AC, 0);
    expect(rig.get32(DATA)).toBe(0);
  });

  const cases: [string, string, boolean][] = [
    ['a byte anywhere', '8a 10', false],
    ['a word at an odd address', '66 8b 10', true],
    ['a word at an even address', '66 8b 13', false],
    ['a dword at 2 modulo 4', '8b 13', true],
    ['a store of a dword', '89 13', true],
    ['LEA', '8d 10', false],
    ['NOP', '0f 1f 00', false],
    ['a far pointer of 48 bits at 2 modulo 4', 'c4 13', true],
    ['a bit string of dwords', '0f a3 13', true],
    ['SGDT at 2 modulo 4', '0f 01 03', false],
    ['SGDT at 1 modulo 4', '0f 01 00', true],
    ['SLDT at an odd address', '0f 00 00', true],
  ];
  for (const [name, hex, faults] of cases)
    it(`${faults ? 'comes of' : 'does not come of'} ${name}`, () => {
      const rig = checked().run(hex);
      if (faults) rig.expectFault(AC, 0);
      else expect(rig.c.eip).toBe(CODE + hex.split(' ').length);
    });

  it('SGDT at 0 modulo 4 has its base misaligned, and stores nothing', () => {
    const rig = checked();
    rig.c.r32[EAX] = DATA;
    rig.run('0f 01 00');
    rig.expectFault(AC, 0);
    expect(rig.get16(DATA)).toBe(0);
  });

  it('needs CR0.AM, EFLAGS.AC and CPL 3', () => {
    const without: ((rig: Rig) => void)[] = [
      rig => rig.c.setCr0(rig.c.cr0 & ~AM),
      rig => {
        rig.c.eflags = 2;
      },
      rig => {
        rig.cs(0x08);
        for (const s of [0, 2, 3]) rig.segment(s, KDATA);
      },
    ];
    for (const ruin of without) {
      const rig = checked();
      ruin(rig);
      rig.run('8b 10');
      expect(rig.c.eip).toBe(CODE + 2);
    }
  });

  it('follows POPF, and MOV CR0', () => {
    const rig = checked();
    rig.c.eflags = 2;
    rig.set32(USER_STACK - 4, 2 | AC_FLAG);
    rig.c.esp = USER_STACK - 4;
    rig.run('8b 10 9d 8b 10', 3);
    rig.expectFault(AC, 0, CODE + 3);
  });

  it('comes before the page fault of the same access, behind the segment’s limit', () => {
    const rig = checked();
    rig.pte(DATA, 0);
    rig.run('8b 10');
    rig.expectFault(AC, 0);
    const other = checked();
    other.c.setSegment(3, 0x23, 0, 0xff, 0x40f300);
    other.run('8b 10');
    other.expectFault(13, 0);
  });

  it('is checked again on pages that were used before, and on the stack', () => {
    const rig = checked();
    rig.c.r32[EAX] = DATA + 4;
    rig.run('8b 10 89 10 8b 50 01', 3); // warm, then misaligned
    rig.expectFault(AC, 0, CODE + 4);
    const push = checked();
    push.c.esp = USER_STACK - 2;
    push.run('50');
    push.expectFault(AC, 0);
    expect(push.stack(3)).toBe(2 | AC_FLAG | 0x1_0000);
    expect(push.stack(4)).toBe(USER_STACK - 2);
  });

  it('is not raised by what the processor does as supervisor: descriptors, TSS, the frame of a handler', () => {
    const rig = checked();
    rig.descriptor(8, 0, 0xfffff, 0xf2, 0xc, DATA + 3); // accessed bit clear: it is written too
    rig.c.setSegment(6, LDTR, DATA + 3, 0xff, 0x8200);
    rig.c.r32[EAX] = 0xf;
    rig.run('8e d8');
    expect([rig.c.eip, rig.c.selector(3)]).toEqual([CODE + 2, 0xf]);
    rig.set32(TSS + 4, 0x3_1ffd);
    rig.run('0f 0b');
    expect(rig.c.eip).toBe(rig.handler(6));
  });

  it('moves neither clock nor counters of accesses that are aligned', () => {
    const hex = '8b 08 89 08 66 8b 08 ff 00 50 58 8b 08';
    const cost = (on: boolean) => {
      const rig = checked(p4);
      if (!on) rig.c.eflags = 2;
      rig.c.r32[EAX] = DATA;
      rig.run(hex, 7);
      const { loads, stores } = rig.c.mmu;
      return [rig.machine.cycles(), loads, stores, rig.c.eip];
    };
    expect(cost(true)).toEqual(cost(false));
  });

  it('is in snapshots', () => {
    const rig = checked();
    const snapshot = rig.machine.snapshot();
    rig.c.eflags = 2;
    rig.run('8b 10');
    rig.machine.restore(snapshot);
    rig.run('8b 10');
    rig.expectFault(AC, 0);
  });
});
