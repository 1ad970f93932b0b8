/** The whole list, each case on a fresh machine. */
import type { EngineKind } from '../../emu/board.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { buildGuest } from '../../guest/build.ts';
import { CASES, type Case } from './cases.ts';
import { ARTEFACTS, type Isolation, runTrial, type Trial } from './trial.ts';
import { judge, type Verdict } from './verdict.ts';

export interface ValidateOptions {
  profile: Profile;
  isolation: Isolation;
  engine?: EngineKind;
  /** Names of cases; all when absent. */
  only?: readonly string[];
  onBuild?: (done: number, total: number) => void;
  /** Cases done, and all. */
  onProgress?: (done: number, total: number) => void;
}

export interface Result {
  which: Case;
  trial: Trial;
  verdict: Verdict;
}

/**
 * An untimed machine's clock only says how many instructions fit between two ticks of the timer. A slow one keeps
 * the guest's delay loops, which wait for real devices' times, short.
 */
const UNTIMED_HZ = 100e6;

export async function validate(options: ValidateOptions): Promise<Result[]> {
  const { profile, isolation, engine, only, onProgress } = options;
  const build = await buildGuest({ only: ARTEFACTS, onProgress: options.onBuild });
  const machine = profile.timing
    ? profile
    : { ...profile, clockHz: { ...profile.clockHz, value: UNTIMED_HZ } };
  const cases = CASES.filter(c => only?.includes(c.name) ?? true);
  const results: Result[] = [];
  for (const which of cases) {
    onProgress?.(results.length, cases.length);
    const trial = runTrial(which, { build, profile: machine, isolation, engine });
    results.push({ which, trial, verdict: judge(which, trial, isolation === 'nooks') });
  }
  onProgress?.(cases.length, cases.length);
  return results;
}
