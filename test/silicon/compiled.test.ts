/**
 * The recorded vectors in compiled code: one of each row on p4-1700 (NOOKS86_FUZZ=n: n of each on all profiles), each compiled before it runs, end
 * as when they are interpreted, in registers, memory and exception as in caches, TLBs, counters and time. That the
 * interpreter does what silicon did is silicon.test.ts's and x87.test.ts's affair.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CR0_NE } from '../../emu/cpu/registers.ts';
import { profiles } from '../../emu/profile/index.ts';
import { differences } from '../emu/engine/observe.ts';
import { CODE, type Corpus, FLAT_SEGMENTS, unpackCorpus, type Vector } from './format.ts';
import { VectorProcessor } from './processor.ts';
import { describeVector } from './replay.ts';
import { unpackCorpus as unpackFpu } from './x87/corpus.ts';
import { fpuSubjectOn } from './x87/subject.ts';

const EACH = Number(process.env.NOOKS86_FUZZ ?? 1);
const PROFILES = process.env.NOOKS86_FUZZ ? Object.keys(profiles) : ['p4-1700'];
const ORDINARY = ['one-byte', 'two-byte'];

/** The first few of each row, those of flat segments first, then as many of others. */
function some<V extends { row: string }>(vectors: readonly V[], each: number, first: (v: V) => boolean): V[] {
  const taken = new Map<string, number>();
  return vectors.filter(v => {
    const key = `${v.row} ${first(v)}`;
    const n = taken.get(key) ?? 0;
    taken.set(key, n + 1);
    return n < each;
  });
}

const isFlat = (v: Vector) => v.segments.every((s, n) => s === FLAT_SEGMENTS[n]);

it.each(PROFILES.flatMap(p => ORDINARY.map(o => [o, p])))('vectors of %s on %s', (name, profile) => {
  const corpus: Corpus = unpackCorpus(readFileSync(`test/silicon/corpus/${name}.bin.gz`));
  const one = new VectorProcessor(profiles[profile]);
  const two = new VectorProcessor(profiles[profile], 0, true);
  let compiled = 0;
  let flat = 0;
  for (const v of some(corpus.vectors, EACH, isFlat)) {
    const units = two.engine.jit?.units ?? 0;
    const [a, b] = [one.run(v), two.run(v)];
    expect([b, differences(one, two)], describeVector(v)).toEqual([a, []]);
    if (!isFlat(v)) continue;
    flat++;
    if ((two.engine.jit?.units ?? 0) > units) compiled++;
  }
  expect(flat).toBeGreaterThan(100);
  // Some fault when they are fetched, and a few cross a page.
  expect(compiled / flat).toBeGreaterThan(0.8);
});

it.each(PROFILES)('vectors of the FPU on %s', profile => {
  const corpus = unpackFpu(readFileSync('test/silicon/x87/corpus/x87.bin.gz'), CODE);
  const one = new VectorProcessor(profiles[profile], CR0_NE);
  const two = new VectorProcessor(profiles[profile], CR0_NE, true);
  const [interpreted, compiled] = [one, two].map(fpuSubjectOn);
  const vectors = some(corpus.vectors, EACH, () => true);
  for (const v of vectors) {
    const [a, b] = [interpreted(v), compiled(v)];
    expect([b, differences(one, two)], `${v.row} ${v.code}`).toEqual([a, []]);
  }
  expect(two.engine.jit?.units).toBeGreaterThan(vectors.length / 2);
});
