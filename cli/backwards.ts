/**
 * What it costs the host to go back: each benchmark runs one guest second with a history, as in the debugger; then its
 * last instruction is taken back, and a hundred more one by one.
 */
import { readFileSync } from 'node:fs';
import { bootImage } from '../debug/boot.ts';
import { Debugger } from '../debug/debugger.ts';
import type { EngineKind } from '../emu/board.ts';
import type { Profile } from '../emu/profile/profile.ts';
import { buildBenchGuests } from '../guest/bench.ts';
import { artefact } from '../guest/build.ts';

const GUESTS = ['alu', 'mem', 'call', 'pgswitch', 'trap'];
const MEMORY = 64 << 20;
const STEPS = 100;

export interface BackwardsRow {
  name: string;
  /** Guest cycles that were run. */
  cycles: number;
  /** Seconds of the host: of the run without a history and with one. */
  plain: number;
  recorded: number;
  /** Bytes of its snapshots. */
  bytes: number;
  /** Seconds of the host: the first instruction back, and the slowest of those after it. */
  first: number;
  slowest: number;
}

export async function measureBackwards(profile: Profile, engine: EngineKind): Promise<BackwardsRow[]> {
  const build = await buildBenchGuests({ only: GUESTS, shift: 0 });
  const rows: BackwardsRow[] = [];
  for (const name of GUESTS) {
    const bytes = new Uint8Array(readFileSync(artefact(build, `${name}.elf`)));
    const second = profile.clockHz.value;
    const open = () => bootImage(bytes, name, { profile, engine, memoryBytes: MEMORY });
    const { machine } = open();
    const plain = await seconds(() => machine.run(second));
    const debug = new Debugger(open(), async () => false);
    const recorded = await seconds(() => debug.control.continue(second));
    const first = await seconds(() => debug.reverse.stepi());
    let slowest = 0;
    for (let n = 0; n < STEPS; n++) slowest = Math.max(slowest, await seconds(() => debug.reverse.stepi()));
    const { bytes: kept, last } = debug.history.facts();
    rows.push({ name, cycles: last.cycles, plain, recorded, bytes: kept, first, slowest });
  }
  return rows;
}

async function seconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
