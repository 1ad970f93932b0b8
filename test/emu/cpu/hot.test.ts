/** The cases of the inner loop against the rows' executors, on random registers, flags and operands. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Accounting } from '../../../emu/accounting.ts';
import { Clock } from '../../../emu/clock.ts';
import { Block } from '../../../emu/cpu/blocks.ts';
import { Cpu } from '../../../emu/cpu/cpu.ts';
import { Decoder } from '../../../emu/cpu/decoder.ts';
import { FORMS, runInsns } from '../../../emu/cpu/exec/hot.ts';
import type { Insn } from '../../../emu/cpu/insn.ts';
import { allRows } from '../../../emu/cpu/table.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import { State } from '../../../emu/state.ts';

const RAM = 1 << 20;
const EIP = 0x1000;
const TRIALS = 200;

/** Numerical Recipes' generator: the same numbers on each run. */
let seed = 1;
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
  return (seed ^ (seed >>> 15)) | 0;
}

interface Subject {
  cpu: Cpu;
  ram: Int32Array;
  accounting: Accounting;
}

function subject(): Subject {
  const state = new State(RAM);
  const accounting = new Accounting(state.float64('accounting', 256), state.float64('time', 1));
  const clock = new Clock(p4.clockHz.value, accounting.time);
  const cpu = new Cpu(p4, state, accounting, clock, {
    findMmio: () => null,
    onUnmapped: () => {},
    fetchByte: () => 0xff,
  });
  const ram8 = state.ram8();
  return { cpu, ram: new Int32Array(ram8.buffer, ram8.byteOffset, RAM / 4), accounting };
}

/** Runs one instruction and says what it threw. */
function run({ cpu }: Subject, i: Insn, kind: number): unknown {
  const block = new Block(EIP, EIP, EIP, 0);
  block.insns.push(Object.assign(Object.create(Object.getPrototypeOf(i)), i, { kind, pre: 0 }));
  try {
    runInsns({ position: 0, before() {} }, cpu, block, 1);
    return null;
  } catch (thrown) {
    if (thrown !== cpu.fault) throw thrown;
    return { vector: cpu.fault.vector, error: cpu.fault.error };
  }
}

/** What an instruction may change. */
function outcome({ cpu, accounting }: Subject) {
  const { loads, stores, hierarchy } = cpu.mmu;
  return {
    state: [...cpu.r32],
    memory: [loads, stores, ...hierarchy.saveCounters()],
    ticks: accounting.time[0],
    predictor: cpu.predictor.save(),
  };
}

/** A random encoding of the row: its opcode, and random bytes for all that may follow. */
function encode(enc: string): number[] {
  const tokens = enc.split(' ');
  const bytes = tokens.filter(t => /^[0-9A-Fa-f]{2}$/.test(t)).map(t => Number.parseInt(t, 16));
  if (tokens.includes('+r')) bytes[bytes.length - 1] += random() & 7;
  const modrm = tokens.find(t => t.startsWith('/'));
  if (modrm) {
    const digit = modrm === '/r' ? random() & 7 : Number(modrm[1]);
    // Memory operands only: ModRM.mod is not 3.
    bytes.push((random() & (tokens.includes('m') ? 0x87 : 0xc7)) | (digit << 3));
  }
  for (let n = 0; n < 10; n++) bytes.push(random() & 0xff);
  return bytes;
}

describe('the inner loop', () => {
  let hot: Subject;
  let plain: Subject;
  let decoder: Decoder;
  const named = new Set(FORMS.map(row => row[0]));
  const rows = allRows.filter(row => named.has(row.form) && !row.enc.startsWith('o16'));

  beforeAll(() => {
    hot = subject();
    plain = subject();
    decoder = new Decoder(p4, hot.cpu.fault);
  });

  it('knows its forms', () => {
    const forms = new Set(allRows.map(row => row.form));
    expect(FORMS.filter(([form]) => !forms.has(form))).toEqual([]);
  });

  it.each(rows.map(row => [row.enc, row.form] as const))('%s (%s) does what its row does', enc => {
    let compared = 0;
    for (let n = 0; n < TRIALS; n++) {
      const bytes = encode(enc);
      const i = decoder.decode({ byte: at => bytes[at] }, EIP, true);
      if (i.kind === 0) continue;
      compared++;
      for (let r = 0; r < 8; r++) {
        // Half of them are addresses in RAM.
        const v = random() & 1 ? random() : random() & (RAM - 1);
        for (const { cpu } of [hot, plain]) cpu.r32[r] = v;
      }
      const flags = random() & 0x8d5;
      const filler = random();
      for (const { cpu, ram } of [hot, plain]) {
        cpu.eflags = flags;
        ram.fill(filler, 0, 64);
      }
      expect(run(hot, i, i.kind)).toEqual(run(plain, i, 0));
      expect(outcome(hot)).toEqual(outcome(plain));
    }
    expect(compared).toBeGreaterThan(0);
    expect(Buffer.compare(Buffer.from(hot.ram.buffer), Buffer.from(plain.ram.buffer))).toBe(0);
  });
});
