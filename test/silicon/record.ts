/**
 * `npm run silicon:record`: asks this computer's CPU about every vector and writes test/silicon/corpus/. Needs
 * Linux on x86 with 32-bit programs allowed, and root (the harness maps 0x8000). Runs everything twice.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { allRows } from '../../emu/cpu/table.ts';
import { takeNoArguments } from '../no-arguments.ts';
import { type Outcome, packCorpus, type Vector } from './format.ts';
import { generate } from './generate.ts';
import { hostCpu, runOnHost } from './host.ts';

const SEED = 0x86;
const DIRECTORY = 'test/silicon/corpus';
const FETCH_FROM_PRESENT = 0x11;

/** What the emulated CPU cannot say: it knows no NX, so a fetch from data pages has no counterpart. */
function comparable(o: Outcome): boolean {
  return !(o.trap === 14 && (o.error & FETCH_FROM_PRESENT) === FETCH_FROM_PRESENT) && !o.stuck;
}

function record(name: string, vectors: readonly Vector[]): void {
  const outcomes = runOnHost(vectors);
  const again = JSON.stringify(runOnHost(vectors)) === JSON.stringify(outcomes);
  if (!again) throw new Error(`${name}: two runs on this CPU differ`);
  const keep = outcomes.map(comparable);
  const corpus = {
    cpu: hostCpu(),
    seed: SEED,
    vectors: vectors.filter((_, n) => keep[n]),
    outcomes: outcomes.filter((_, n) => keep[n]),
  };
  const file = packCorpus(corpus);
  writeFileSync(`${DIRECTORY}/${name}.bin.gz`, file);
  const stuck = outcomes.filter(o => o.stuck).length;
  console.log(`${name}: ${corpus.vectors.length} vectors, ${(file.length / 1024).toFixed()} KiB`);
  console.log(`  left out: ${vectors.length - corpus.vectors.length}, of them without an end: ${stuck}`);
}

takeNoArguments();
try {
  mkdirSync(DIRECTORY, { recursive: true });
  const vectors = generate(allRows, SEED);
  const twoByte = (v: Vector) => /^(o(16|32) )?0F/i.test(v.row);
  record(
    'one-byte',
    vectors.filter(v => !twoByte(v)),
  );
  record('two-byte', vectors.filter(twoByte));
} catch (e) {
  console.error((e as Error).message);
  process.exitCode = 1;
}
