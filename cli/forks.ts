/**
 * What it costs the host to fork a trial off a booted machine (the way back to the warm point, the injection, the oracle)
 * and to go back: kernel, isolated driver, streams in full flow, real planned faults. Each trial runs a few milliseconds
 * of guest time, so that there is something to go back from.
 */
import { readFileSync } from 'node:fs';
import type { EngineKind } from '../emu/board.ts';
import type { Profile } from '../emu/profile/profile.ts';
import { artefact, buildGuest } from '../guest/build.ts';
import { readElf } from '../guest/elf.ts';
import { planTrial } from '../inject/faults/plan.ts';
import type { CampaignSettings, Configuration } from '../inject/model.ts';
import { Bench, DEFAULT_MINIMUM } from '../inject/trial/bench.ts';

const MEMORY = 64 << 20;
const TRIALS = 200;
/** Guest seconds of each trial. */
const SECONDS = 0.006;
const DRIVER = 'e1000';
const CONFIGURATION: Configuration = { isolation: 'nooks', policy: 'restart' };

export interface Spread {
  median: number;
  p95: number;
}

export interface ForkReport {
  trials: number;
  /** RAM. */
  megabytes: number;
  /** Milliseconds of the host's CPU: `fork` is a revert and all else that begins a trial; `end` takes it away. */
  rows: (Spread & { name: 'fork' | 'revert' | 'end' })[];
  /** Bytes that a revert copied. */
  copied: Spread;
}

export async function measureForks(
  profile: Profile,
  engine: EngineKind,
  onProgress: (done: number, total: number) => void,
): Promise<ForkReport> {
  const build = await buildGuest();
  const bench = new Bench({
    ...{ build, profile, engine, configuration: CONFIGURATION, driver: DRIVER, memoryBytes: MEMORY },
    ...DEFAULT_MINIMUM,
  });
  onProgress(0, TRIALS);
  bench.warm();
  const file = `${DRIVER}.ko`;
  const target = { driver: DRIVER, elf: readElf(readFileSync(artefact(build, file)), file) };
  const settings: CampaignSettings = {
    ...{ driver: DRIVER, trials: TRIALS, faultsPerTrial: 5, configurations: [CONFIGURATION], types: [] },
    ...{ persistence: 'transient', distribution: 'uniform', seed: 1, profile: profile.name },
    ...{ ...DEFAULT_MINIMUM, build: build.identity },
  };
  const { machine } = bench.session;
  const times = { fork: [] as number[], revert: [] as number[], end: [] as number[] };
  const copied: number[] = [];
  const run = () => machine.run(machine.cycles() + SECONDS * profile.clockHz.value);
  for (let trial = 0; trial < TRIALS; trial++) {
    // Without the delay: how long the guest runs before its faults is no cost of forking.
    const plan = { ...planTrial(target, settings, trial), delay: 0 };
    times.fork.push(spent(() => bench.begin(plan)));
    run();
    times.end.push(spent(() => bench.end()));
    times.revert.push(spent(() => bench.restore()));
    copied.push(bench.copied);
    run();
    onProgress(trial + 1, TRIALS);
  }
  const rows = (['fork', 'revert', 'end'] as const).map(name => ({ name, ...spread(times[name]) }));
  return { trials: TRIALS, megabytes: MEMORY >> 20, rows, copied: spread(copied) };
}

/** Milliseconds of CPU time: what others do on the host is not in it. */
function spent(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  return { median: at(0.5), p95: at(0.95) };
}
