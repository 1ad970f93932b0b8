/** The whole list of cases, judged: what `nooks86 validate` runs. */
import type { Case } from './cases.ts';
import { type Aftermath, type Isolation, runTrial, type Trial, type TrialOptions } from './trial.ts';
import type { Access } from './watch.ts';

export type Verdict =
  /** An exception ended it before any foreign memory changed. */
  | 'stopped'
  /** Carried out, inside the driver's own pages. */
  | 'confined'
  /** Carried out, as is the driver's right. */
  | 'allowed'
  /** A right access that was refused, or a load that gave a wrong value. */
  | 'refused'
  /** A forbidden access was carried out, or memory that is not the driver's changed. */
  | 'got through'
  /** The driver never came to its instruction: nothing can be said. */
  | 'not reached';

export interface Result extends Trial {
  name: string;
  what: string;
  expect: Case['expect'];
  verdict: Verdict;
  /** Everything that the kernel was doing went on: the run ended by itself and all streams were whole. */
  kernelWentOn: boolean;
  /** After a failure: the driver's init ran again and its interface is up. Else: it did not have to. */
  driverWorks: boolean;
  /** All as it should be. */
  ok: boolean;
}

export interface Validation {
  profile: string;
  isolation: Isolation;
  guest: { kernelSha256: string };
  results: Result[];
  /** All are ok. */
  ok: boolean;
}

export interface ValidateOptions extends TrialOptions {
  cases: readonly Case[];
  /** Cases done, and all. */
  onProgress?: (done: number, total: number) => void;
}

export function runValidation(options: ValidateOptions): Validation {
  const { cases, build, profile, isolation, onProgress } = options;
  onProgress?.(0, cases.length);
  const results = cases.map((which, n) => {
    const result = judge(which, runTrial(which, options));
    onProgress?.(n + 1, cases.length);
    return result;
  });
  return {
    profile: profile.name,
    isolation,
    guest: { kernelSha256: build.identity },
    results,
    ok: results.every(r => r.ok),
  };
}

export function judge({ name, what, expect }: Case, { access, aftermath }: Trial): Result {
  const verdict = verdictOf(expect, access);
  const kernelWentOn = wentOn(aftermath);
  const inits = access?.stop ? 2 : 1;
  const driverWorks = aftermath.inits === inits && aftermath.interfaceUp;
  const ok = verdict === expect && kernelWentOn && driverWorks && access?.strayPages.length === 0;
  return { name, what, expect, verdict, kernelWentOn, driverWorks, ok, access, aftermath };
}

export function verdictOf(expect: Case['expect'], access: Access | null): Verdict {
  if (!access) return 'not reached';
  const damaged = access.damage.length > 0 || access.deviceChanged;
  if (damaged) return 'got through';
  if (expect === 'allowed') return access.stop || access.valueRight === false ? 'refused' : 'allowed';
  if (access.stop) return 'stopped';
  return expect === 'confined' ? 'confined' : 'got through';
}

function wentOn({ end, streams }: Aftermath): boolean {
  return end === 'exit' && streams.during && streams.sent && streams.received;
}
