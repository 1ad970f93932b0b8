/** Every escape opcode with every ModRM byte: length, mnemonic and operand size as iced-x86 has them, or both refuse. */
import {
  Code,
  CpuidFeature,
  DecoderOptions,
  Decoder as Iced,
  MemorySizeExt,
  Mnemonic,
  OpKind,
} from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { Decoder } from '../../../emu/cpu/decoder.ts';
import { CpuFault } from '../../../emu/mmu/fault.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';

const fault = new CpuFault();
const decoder = new Decoder(p4, fault);

/** The aliases that the manual does not name are to iced what they do. */
const SAME: Readonly<Record<string, string>> = {
  FCOM2: 'FCOM',
  FCOMP3: 'FCOMP',
  FCOMP5: 'FCOMP',
  FXCH4: 'FXCH',
  FXCH7: 'FXCH',
  FSTP1: 'FSTPNCE',
  FSTP8: 'FSTP',
  FSTP9: 'FSTP',
};

function ours(code: Uint8Array, big: boolean): string {
  try {
    const i = decoder.decode({ byte: n => code[n] }, 0, big);
    const [mnemonic, operand = ''] = i.row.form.split(' ');
    const bits = /^m(\d+)(fp|int|dec|bcd)/.exec(operand);
    const bytes = /^m(\d+)(?:\/(\d+))?byte/.exec(operand);
    const size = bits ? Number(bits[1]) / 8 : bytes ? Number(i.o32 && bytes[2] ? bytes[2] : bytes[1]) : 0;
    return `${SAME[mnemonic] ?? mnemonic} ${size} ${i.length}`;
  } catch (thrown) {
    expect(thrown).toBe(fault);
    return 'refused';
  }
}

function theirs(code: Uint8Array, bits: number): string {
  const d = new Iced(bits, code, DecoderOptions.None);
  const i = d.decode();
  const sse3 = [...i.cpuidFeatures()].includes(CpuidFeature.SSE3);
  let text = 'refused';
  if (i.code !== Code.INVALID && !sse3) {
    const memory = i.opCount > 0 && i.opKind(0) === OpKind.Memory;
    text = `${Mnemonic[i.mnemonic].toUpperCase()} ${memory ? MemorySizeExt.size(i.memorySize) : 0} ${i.length}`;
  }
  i.free();
  d.free();
  return text;
}

describe('escape opcodes', () => {
  for (const bits of [32, 16])
    it(`in code of ${bits} bits`, () => {
      for (let opcode = 0xd8; opcode < 0xe0; opcode++)
        for (let modrm = 0; modrm < 256; modrm++)
          for (const prefix of [[], [0x66], [0x67]]) {
            const code = Uint8Array.from([...prefix, opcode, modrm, 0x24, 0x10, 0x20, 0x30, 0x40, 0x50]);
            expect(ours(code, bits === 32), [...code].map(b => b.toString(16)).join(' ')).toBe(
              theirs(code, bits),
            );
          }
    });
});
