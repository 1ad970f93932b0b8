/** System instructions in both operand sizes: descriptor-table registers, and string input and output. SDM vol. 2. */
import { describe, expect, it } from 'vitest';
import { DATA, dword, ECX, EDI, EDX, ESI, Rig } from './rig.ts';

const BASE = 0x89ab_cdef | 0;
const LIMIT = 0x1234;
/** ModRM and displacement of [DATA]. */
const memory = (digit: number) => (0x05 | (digit << 3)).toString(16).padStart(2, '0') + dword(DATA);

describe.each([
  ['16', '66', BASE & 0xff_ffff],
  ['32', '', BASE],
])('with operands of %s bits', (_, prefix, base) => {
  it('SGDT and SIDT store the limit and the base, of which 16-bit operands give 24 bits', () => {
    for (const digit of [0, 1]) {
      const rig = new Rig();
      rig.c.setGdt(BASE, LIMIT);
      rig.c.setIdt(BASE, LIMIT);
      rig.set32(DATA + 4, -1);
      rig.run(`${prefix} 0f01 ${memory(digit)}`);
      expect([rig.get16(DATA), rig.get32(DATA + 2) | 0, rig.get16(DATA + 6)]).toEqual([LIMIT, base, 0xffff]);
    }
  });

  it('LGDT and LIDT load them', () => {
    for (const digit of [2, 3]) {
      const rig = new Rig();
      rig.set16(DATA, LIMIT);
      rig.set32(DATA + 2, BASE);
      rig.run(`${prefix} 0f01 ${memory(digit)}`);
      const { c } = rig;
      expect(digit === 2 ? [c.gdtLimit, c.gdtBase] : [c.idtLimit, c.idtBase]).toEqual([LIMIT, base]);
    }
  });
});

describe.each([
  ['6c', '6e', 1],
  ['66 6d', '66 6f', 2],
  ['6d', '6f', 4],
] as const)('%s and %s move %i bytes between port and memory', (input, output, size) => {
  function rig(): { rig: Rig; log: unknown[][] } {
    const log: unknown[][] = [];
    const r = new Rig();
    let value = 0xa1b2_c3d4;
    r.c.ports = {
      readPort: (port, bytes) => {
        log.push(['in', port, bytes]);
        value = (value + 0x0101_0101) >>> 0;
        return bytes === 4 ? value : value & (2 ** (8 * bytes) - 1);
      },
      writePort: (port, bytes, v) => log.push(['out', port, bytes, v]),
      busOf: () => 'isa',
    };
    r.c.setReg(EDX, 4, 0x55aa);
    r.c.setReg(EDI, 4, DATA);
    r.c.setReg(ESI, 4, DATA);
    return { rig: r, log };
  }

  it('in', () => {
    const { rig: r, log } = rig();
    r.run(input);
    expect(log).toEqual([['in', 0x55aa, size]]);
    const expected = size === 4 ? 0xa2b3_c4d5 : size === 2 ? 0xc4d5 : 0xd5;
    expect(r.get32(DATA)).toBe(expected);
    expect(r.c.getReg(EDI, 4)).toBe(DATA + size);
  });

  it('in, downwards and repeated', () => {
    const { rig: r, log } = rig();
    r.c.eflags = 0x402;
    r.c.setReg(ECX, 4, 3);
    r.run(`f3 ${input}`);
    expect(log).toHaveLength(3);
    expect([r.c.getReg(ECX, 4), r.c.getReg(EDI, 4)]).toEqual([0, DATA - 3 * size]);
  });

  it('out', () => {
    const { rig: r, log } = rig();
    r.set32(DATA, 0x8765_4321);
    r.run(output);
    const expected = size === 4 ? 0x8765_4321 : size === 2 ? 0x4321 : 0x21;
    expect(log).toEqual([['out', 0x55aa, size, expected]]);
    expect(r.c.getReg(ESI, 4)).toBe(DATA + size);
  });
});
