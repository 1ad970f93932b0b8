/** The user-mode integer instructions against a recording of a real CPU (harness.c, generate.ts, record.ts). */
import { readdirSync, readFileSync } from 'node:fs';
import { Code, Decoder, DecoderOptions } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { allRows } from '../../emu/cpu/table.ts';
import { p4 } from '../../emu/profile/p4-1700.ts';
import { parseEncoding } from './encoding.ts';
import { CODE_SIZE, type Corpus, FLAT_SEGMENTS, packCorpus, unpackCorpus, type Vector } from './format.ts';
import { generate, SKIPPED, UNDEFINED_ROW } from './generate.ts';
import { segmentOf } from './ldt.ts';
import { report } from './mismatches.ts';
import { compare, replay } from './replay.ts';
import { machineSubject } from './subject.ts';
import { flagBits, undefinedFlags } from './undefined.ts';

const DIRECTORY = 'test/silicon/corpus';
const MAXIMUM_LENGTH = 15;

const corpora = new Map<string, Corpus>();
for (const file of readdirSync(DIRECTORY)
  .filter(f => f.endsWith('.bin.gz'))
  .sort())
  corpora.set(file, unpackCorpus(readFileSync(`${DIRECTORY}/${file}`)));

/** Length that iced-x86 gives the vector's bytes, 0 when it refuses them. */
function icedLength(v: Vector): number {
  const decoder = new Decoder(
    segmentOf(v.segments[1]).big ? 32 : 16,
    new Uint8Array(v.code),
    DecoderOptions.NoInvalidCheck,
  );
  const instruction = decoder.decode();
  const length = instruction.code === Code.INVALID ? 0 : instruction.length;
  instruction.free();
  decoder.free();
  return length;
}

describe('generator', () => {
  const vectors = generate(allRows, 1, 0.1);

  it('makes the same vectors for the same seed, and others for another', () => {
    expect(generate(allRows, 1, 0.1)).toEqual(vectors);
    expect(generate(allRows, 2, 0.1)).not.toEqual(vectors);
  });

  it('makes whole instructions: iced-x86 reads every byte of them as one', () => {
    const cut = (v: Vector) => v.codeOffset + v.code.length === CODE_SIZE;
    const whole = vectors.filter(v => v.row !== UNDEFINED_ROW && v.code.length <= MAXIMUM_LENGTH && !cut(v));
    const wrong = whole.filter(v => icedLength(v) !== v.code.length && !NO_SUCH_SEGMENT(v));
    expect(wrong.map(v => `${v.row}: ${v.code.map(b => b.toString(16)).join(' ')}`)).toEqual([]);
  });

  /** MOV to and from segment registers 6 and 7, and to CS: refused by iced-x86 and by the CPU. */
  const NO_SUCH_SEGMENT = (v: Vector) => /8[CE] \/r/.test(v.row);
});

describe('undefined flags', () => {
  const row = (enc: string) => allRows.find(r => r.enc === enc)!;
  const vector = (code: number[], ecx = 0): Vector => ({
    row: '',
    code,
    codeOffset: 0,
    regs: [0, ecx, 0, 0, 0, 0, 0, 0],
    eflags: 2,
    memory: [],
    eip: 0x10000000,
    memoryOffset: 0,
    segments: FLAT_SEGMENTS,
  });

  it('depend on the count of a shift as the manual says', () => {
    expect(undefinedFlags(row('o32 D3 /4'), vector([0xd3, 0xe0], 0x40))).toBe(0);
    expect(undefinedFlags(row('o32 D3 /4'), vector([0xd3, 0xe0], 1))).toBe(flagBits('A'));
    expect(undefinedFlags(row('D2 /5'), vector([0xd2, 0xe8], 9))).toBe(flagBits('OAC'));
    expect(undefinedFlags(row('D2 /7'), vector([0xd2, 0xf8], 9))).toBe(flagBits('OA'));
    expect(undefinedFlags(row('o32 C1 /0 ib'), vector([0xc1, 0xc0, 2]))).toBe(flagBits('O'));
    expect(undefinedFlags(row('o32 D1 /2'), vector([0xd1, 0xd0]))).toBe(0);
  });
});

describe('corpus', () => {
  const all = [...corpora.values()];

  it('names the CPU that recorded it and is large', () => {
    for (const c of all) expect(c.cpu).toMatch(/family \d+ model \d+/);
    expect(all.reduce((n, c) => n + c.vectors.length, 0)).toBeGreaterThanOrEqual(250_000);
  });

  it('reaches every row but those that are skipped with a reason', () => {
    const reached = new Set(all.flatMap(c => c.vectors.map(v => v.row)));
    const missing = allRows.filter(r => !reached.has(r.enc) && !SKIPPED.has(parseEncoding(r.enc).key));
    expect(missing.map(r => `${r.enc} ${r.form}`)).toEqual([]);
  });

  it('survives packing', () => {
    const part = {
      ...all[0],
      vectors: all[0].vectors.slice(0, 500),
      outcomes: all[0].outcomes.slice(0, 500),
    };
    expect(unpackCorpus(packCorpus(part))).toEqual(part);
  });

  it('tells a wrong register, flag, byte and exception from the right one', () => {
    const { vectors, outcomes } = all[0];
    const n = vectors.findIndex((v, i) => v.row === 'o32 01 /r' && outcomes[i].changes.length > 0);
    const [v, o] = [vectors[n], outcomes[n]];
    const row = allRows.find(r => r.enc === v.row);
    expect(compare(v, row, o, o)).toEqual([]);
    expect(compare(v, row, o, { ...o, regs: o.regs.map((r, i) => (i === 7 ? r + 1 : r)) })).toHaveLength(1);
    expect(compare(v, row, o, { ...o, eflags: o.eflags ^ 0x10 })).toHaveLength(1);
    expect(compare(v, row, o, { ...o, changes: o.changes.map(c => c ^ 1) })).toHaveLength(1);
    expect(compare(v, row, o, { ...o, trap: 14 })).toHaveLength(1);
  });
});

describe('replay', () => {
  for (const [file, corpus] of corpora)
    it(`${file}: ${corpus.vectors.length} vectors equal those of ${corpus.cpu}`, () => {
      const mismatches = replay(corpus, allRows, machineSubject(p4));
      expect(report(mismatches, allRows)).toBe('');
    });
});
