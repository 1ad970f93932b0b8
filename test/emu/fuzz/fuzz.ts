/**
 * `npm run fuzz -- [--instructions N] [--seed S]`: random guests until N instructions have run (ten million unless
 * said otherwise). What fails is shrunk and kept under regressions/, which the tests replay; so is a guest on which
 * the host hangs. The guests run in a worker, so that a hang can be seen. The exit code is 1 when something failed.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import { type Case, cases } from './cases.ts';
import { runCase } from './run.ts';

const REGRESSIONS = 'test/emu/fuzz/regressions';
/** Guests between two lines of output; a seed gives the same guests whatever their number. */
const BATCH = 500;
const HANG_MS = 60_000;

interface Options {
  instructions: number;
  seed: number;
}
type Message = { kind: 'case'; case: Case } | { kind: 'line'; text: string } | { kind: 'failed'; case: Case };

function keep(c: Case, why: string): void {
  const text = `${JSON.stringify(c, null, 1)}\n`;
  const name = `${c.mode.replace(/\W+/g, '-')}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}.json`;
  writeFileSync(`${REGRESSIONS}/${name}`, text);
  console.log(`${why}: kept as ${REGRESSIONS}/${name}`);
  process.exitCode = 1;
}

/** A whole number that an option asks for. Throws an Error for anything else. */
function whole(name: string, text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 0) throw new Error(`--${name} ${text}: a whole number is needed`);
  return n;
}

function watch(options: Options): void {
  const worker = new Worker(new URL(import.meta.url), { workerData: options });
  let current: Case | null = null;
  let timer: NodeJS.Timeout | undefined;
  const still = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (current) keep(current, `no end after ${HANG_MS / 1000} s`);
      void worker.terminate();
    }, HANG_MS);
  };
  still();
  worker.on('message', (m: Message) => {
    still();
    if (m.kind === 'case') current = m.case;
    else if (m.kind === 'line') console.log(m.text);
    else keep(m.case, 'failed');
  });
  worker.on('error', e => {
    console.error(e.stack);
    process.exitCode = 1;
  });
  worker.on('exit', () => clearTimeout(timer));
}

function work({ instructions, seed }: Options): void {
  const tell = (m: Message) => parentPort?.postMessage(m);
  const started = Date.now();
  let ran = 0;
  let guests = 0;
  const modes = new Map<string, number>();
  for (let batch = 0; ran < instructions; batch++) {
    const property = fc.property(cases, c => {
      tell({ kind: 'case', case: c });
      const verdict = runCase(c);
      ran += verdict.instructions;
      guests++;
      modes.set(c.mode, (modes.get(c.mode) ?? 0) + verdict.instructions);
      if (verdict.problems.length > 0) throw new Error(verdict.problems.join('\n'));
    });
    const result = fc.check(property, { seed: seed + batch, numRuns: BATCH });
    if (result.failed && result.counterexample) {
      tell({ kind: 'line', text: String(result.errorInstance) });
      tell({ kind: 'failed', case: result.counterexample[0] });
    }
    const seconds = ((Date.now() - started) / 1000).toFixed();
    tell({ kind: 'line', text: `seed ${seed + batch}: ${guests} guests, ${ran} instructions, ${seconds} s` });
  }
  for (const [mode, n] of [...modes].sort()) tell({ kind: 'line', text: `  ${mode}: ${n} instructions` });
}

if (isMainThread) {
  try {
    const { values } = parseArgs({
      options: {
        instructions: { type: 'string', default: '10000000' },
        seed: { type: 'string', default: '1' },
      },
    });
    const { instructions, seed } = values;
    watch({ instructions: whole('instructions', instructions), seed: whole('seed', seed) });
  } catch (e) {
    console.error((e as Error).message);
    process.exitCode = 1;
  }
} else work(workerData as Options);
