/** The x87 instructions against a recording of a real CPU (harness.c, generate.ts, record.ts). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fpuRows } from '../../../emu/cpu/rows/fpu.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import { CODE } from '../format.ts';
import { report } from '../mismatches.ts';
import { packCorpus, unpackCorpus } from './corpus.ts';
import { generate, UNDEFINED_ROW } from './generate.ts';
import { compare, replay } from './replay.ts';
import { fpuSubject } from './subject.ts';

const corpus = unpackCorpus(readFileSync('test/silicon/x87/corpus/x87.bin.gz'), CODE);

describe('generator', () => {
  it('makes the same vectors for the same seed, and others for another', () => {
    const vectors = generate(fpuRows, 1, 0.02);
    expect(generate(fpuRows, 1, 0.02)).toEqual(vectors);
    expect(generate(fpuRows, 2, 0.02)).not.toEqual(vectors);
  });
});

describe('corpus', () => {
  it('names the CPU that recorded it and is large', () => {
    expect(corpus.cpu).toMatch(/family \d+ model \d+/);
    expect(corpus.vectors.length).toBeGreaterThanOrEqual(60_000);
  });

  it('reaches every row, and encodings without one', () => {
    const reached = new Set(corpus.vectors.map(v => v.row));
    expect(fpuRows.filter(r => !reached.has(r.enc)).map(r => r.form)).toEqual([]);
    expect(reached.has(UNDEFINED_ROW)).toBe(true);
  });

  it('has reported exceptions, all six kinds of them, and faults', () => {
    const traps = new Set(corpus.outcomes.map(o => o.trap));
    for (const trap of [3, 6, 13, 14, 16, 17]) expect(traps).toContain(trap);
    const waiting = corpus.outcomes.map(o =>
      o.state.status & 0x80 ? o.state.status & ~o.state.control & 0x3f : 0,
    );
    for (let bit = 1; bit < 0x40; bit <<= 1) expect(waiting.filter(w => w & bit).length).toBeGreaterThan(100);
  });

  it('survives packing', () => {
    const part = {
      ...corpus,
      vectors: corpus.vectors.slice(0, 500),
      outcomes: corpus.outcomes.slice(0, 500),
    };
    expect(unpackCorpus(packCorpus(part, CODE), CODE)).toEqual(part);
  });

  it('tells a wrong last bit, flag, tag, pointer and exception from the right one', () => {
    const n = corpus.vectors.findIndex((v, i) => v.row === 'D8 C0+i' && corpus.outcomes[i].trap === 3);
    const [v, o] = [corpus.vectors[n], corpus.outcomes[n]];
    const row = fpuRows.find(r => r.enc === v.row);
    const s = o.state;
    const other = (change: Partial<typeof s>) => compare(v, row, o, { ...o, state: { ...s, ...change } });
    const lastBit = (x: string) => x.slice(0, 19) + (Number.parseInt(x[19], 16) ^ 1).toString(16);
    expect(compare(v, row, o, o)).toEqual([]);
    expect(other({ st: [lastBit(s.st[0]), ...s.st.slice(1)] })).toHaveLength(1);
    expect(other({ status: s.status ^ 0x200 })).toHaveLength(1);
    expect(other({ tags: s.tags ^ 1 })).toHaveLength(1);
    expect(other({ fip: s.fip + 1 })).toHaveLength(1);
    expect(compare(v, row, o, { ...o, trap: 16 })).toHaveLength(1);
  });

  it('allows a transcendental function one unit of the last place, and no more', () => {
    const n = corpus.vectors.findIndex(
      (v, i) => v.row === 'D9 FE' && /^3ff[0-9a-f].*[4-8]$/.test(corpus.outcomes[i].state.st[0]),
    );
    const [v, o] = [corpus.vectors[n], corpus.outcomes[n]];
    const row = fpuRows.find(r => r.enc === v.row);
    const st0 = o.state.st[0];
    const moved = (by: number) => ({
      ...o,
      state: {
        ...o.state,
        st: [st0.slice(0, 19) + (Number.parseInt(st0[19], 16) + by).toString(16), ...o.state.st.slice(1)],
      },
    });
    expect(compare(v, row, o, moved(1))).toEqual([]);
    expect(compare(v, row, o, moved(2))).toHaveLength(1);
  });
});

describe('replay', () => {
  it(`${corpus.vectors.length} vectors equal those of ${corpus.cpu}`, () => {
    expect(report(replay(corpus, fpuRows, fpuSubject(p4)), fpuRows)).toBe('');
  }, 60_000);
});
