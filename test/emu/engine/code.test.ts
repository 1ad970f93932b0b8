/**
 * Code that changes while it is decoded: self-modifying, by alias, DMA and the host; pages that go away or are
 * remapped. As on the P6 and later, a store is seen by the next instruction (SDM vol. 3, 8.1.3 asks for less).
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { CODE, DATA, dword, EAX, EBX, ECX, Rig } from '../cpu/rig.ts';

const PAGE = 0x1_8000; // a page of code of its own
const ALIAS = 0x9_0000;

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});

const run = () => rig.machine.run(rig.machine.cycles() + 1000);

describe('a store into code', () => {
  it('is seen by the next instruction of the same block', () => {
    rig.code(`c6 05 ${dword(CODE + 7)} 43 40 f4`); // mov byte [CODE+7], 0x43 (inc ebx); inc eax; hlt
    run();
    expect([rig.c.r32[EAX], rig.c.r32[EBX]]).toEqual([0, 1]);
  });

  it('is seen when it hits the second half of the next instruction only', () => {
    rig.code(`c6 05 ${dword(CODE + 11)} 55 b8 11 22 33 44 f4`);
    run();
    expect(rig.c.r32[EAX] >>> 0).toBe(0x5533_2211);
  });

  it('voids another block that ran before', () => {
    rig.code('40 c3', PAGE);
    // call PAGE; mov byte [PAGE], 0x43; call PAGE; hlt
    const call = (at: number) => `e8 ${dword(PAGE - at - 5)}`;
    rig.code(`${call(CODE)} c6 05 ${dword(PAGE)} 43 ${call(CODE + 12)} f4`);
    run();
    expect([rig.c.r32[EAX], rig.c.r32[EBX]]).toEqual([1, 1]);
  });

  it('is seen through another linear address', () => {
    rig.paging();
    rig.set32(0x6000 + (ALIAS >>> 12) * 4, PAGE | 0x67);
    const at = (PAGE & ~0xfff) | 0;
    rig.code(`c6 05 ${dword(ALIAS + 7)} 43 40 f4`, at);
    run();
    expect([rig.c.r32[EAX], rig.c.r32[EBX]]).toEqual([0, 1]);
  });

  it('goes on after the stored instruction with the same clock as when stepped', () => {
    const program = `b9 40 00 00 00 fe 05 ${dword(CODE + 13)} 83 c0 01 e2 f5 f4`;
    const ends = [false, true].map(stepped => {
      rig = new Rig();
      rig.code(program);
      if (stepped) while (!rig.c.halted) rig.step();
      else run();
      return [rig.machine.clock.now(), rig.c.instructions, rig.c.mmu.fetches, ...rig.c.r32.slice(0, 8)];
    });
    expect(ends[0]).toEqual(ends[1]);
  });

  it('by REP into its own tail is seen', () => {
    rig.c.r32[ECX] = 2;
    rig.c.r32[EAX] = 0x43;
    rig.c.r32[7] = CODE + 2;
    rig.code('f3 aa 40 40 f4');
    run();
    expect([rig.c.r32[EAX], rig.c.r32[EBX]]).toEqual([0x43, 2]);
  });
});

it('the host and a bus master change cached code', () => {
  rig.code('40 f4');
  run();
  rig.code('43 f4');
  rig.c.halted = false;
  run();
  expect([rig.c.r32[EAX], rig.c.r32[EBX]]).toEqual([1, 1]);
});

it('bytes behind a block that could not be decoded, once they can, make it longer: heads do not depend on history', () => {
  const since = (fresh: boolean) => {
    rig = new Rig();
    if (!fresh) {
      rig.code('40 0f 04 90 90 f4'); // inc eax; undefined
      rig.machine.step();
    }
    if (fresh) rig.code('40');
    rig.code('43 90 90 90 f4', CODE + 1);
    rig.c.eip = CODE;
    rig.machine.step();
    return (rig.machine.engine.save() as { sinceHead: number }).sinceHead;
  };
  expect([since(true), since(false)]).toEqual([1, 1]);
});

describe('an instruction over two pages', () => {
  const at = PAGE + 0xffd; // mov eax, imm32 with two bytes of it behind the border
  beforeEach(() => {
    rig.paging();
    rig.code('b8 11 22 33 44 f4', at);
  });

  it('faults on the second page, with its address in CR2, and restarts', () => {
    rig.pte(PAGE + 0x1000, 0);
    rig.step();
    rig.expectFault(14, 0, at);
    expect(rig.c.cr2).toBe(PAGE + 0x1000);
    rig.pte(PAGE + 0x1000, 0x67);
    rig.c.eip = at;
    rig.step();
    expect(rig.c.r32[EAX]).toBe(0x4433_2211);
  });

  it('follows the second page to another frame', () => {
    rig.step();
    rig.machine.writePhysical(DATA, Uint8Array.of(0x77, 0x88, 0xf4));
    rig.set32(0x6000 + ((PAGE + 0x1000) >>> 12) * 4, DATA | 0x67);
    rig.c.mmu.invalidatePage(PAGE + 0x1000);
    rig.c.eip = at;
    rig.step();
    expect(rig.c.r32[EAX] >>> 0).toBe(0x8877_2211);
  });

  it('is decoded anew when a byte in the second page changes', () => {
    rig.step();
    rig.machine.writePhysical(PAGE + 0x1000, Uint8Array.of(0x66));
    rig.c.eip = at;
    rig.step();
    expect(rig.c.r32[EAX] >>> 0).toBe(0x4466_2211);
  });

  it('is not touched ahead of time: the instruction before it runs first', () => {
    rig.pte(PAGE + 0x1000, 0);
    rig.code('43', at - 1);
    rig.step();
    expect([rig.c.r32[EBX], rig.c.eip]).toEqual([1, at]);
    rig.step();
    rig.expectFault(14, 0, at);
  });
});

it('a remapped page brings other code, once its TLB entry is gone', () => {
  rig.paging();
  rig.code('40 f4', PAGE);
  rig.machine.writePhysical(DATA, Uint8Array.of(0x43, 0xf4));
  run();
  rig.set32(0x6000 + (PAGE >>> 12) * 4, DATA | 0x67);
  const again = () => {
    rig.c.halted = false;
    rig.c.eip = PAGE;
    run();
    return [rig.c.r32[EAX], rig.c.r32[EBX]];
  };
  expect(again()).toEqual([2, 0]); // the ITLB still holds the old frame
  rig.c.mmu.invalidatePage(PAGE);
  expect(again()).toEqual([2, 1]);
});

describe('a fault in the middle', () => {
  it('of REP MOVS leaves registers at the round that faulted', () => {
    rig.paging();
    rig.pte(DATA + 0x1000, 0);
    [rig.c.r32[6], rig.c.r32[7], rig.c.r32[ECX]] = [DATA + 0x2000, DATA + 0xff0, 100];
    rig.set32(DATA + 0x200c, 0x1234);
    rig.run('f3 a5');
    rig.expectFault(14, 2);
    expect([rig.c.r32[6], rig.c.r32[7], rig.c.r32[ECX]]).toEqual([DATA + 0x2010, DATA + 0x1000, 96]);
    expect(rig.get32(DATA + 0xffc)).toBe(0x1234);
    rig.pte(DATA + 0x1000, 0x67);
    rig.c.eip = CODE;
    for (let n = 0; n < 4; n++) if (rig.c.eip === CODE) rig.step();
    expect([rig.c.eip, rig.c.r32[ECX], rig.c.r32[7]]).toEqual([CODE + 2, 0, DATA + 0xff0 + 400]);
  });

  it.each([
    ['mov [m], eax', 'a3'],
    ['add [m], eax', '01 05'],
    ['xchg [m], eax', '87 05'],
    ['mov word [m], ax', '66 a3'],
  ])('of %s over two pages writes nothing', (_, code) => {
    rig.paging();
    const at = DATA + (code.startsWith('66') ? 0xfff : 0xffe);
    rig.set32(DATA + 0xffc, 0xaaaa_aaaa);
    rig.pte(DATA + 0x1000, 0x65);
    rig.c.r32[EAX] = -1;
    rig.run(`${code} ${dword(at)}`);
    rig.expectFault(14, 3);
    expect([rig.c.cr2, rig.get32(DATA + 0xffc), rig.c.r32[EAX]]).toEqual([DATA + 0x1000, 0xaaaa_aaaa, -1]);
  });
});
