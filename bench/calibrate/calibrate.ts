/**
 * `nooks86 calibrate`: runs the calibration programs on a profile, finds the plateaus of their curves by the regions
 * that the profile's geometry implies, and holds each against the closed formula for it.
 */
import { readFileSync } from 'node:fs';
import type { EngineKind } from '../../emu/board.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { artefact, type GuestBuild } from '../../guest/build.ts';
import type { CalibrationName } from '../../guest/calibrate.ts';
import { GuestError } from '../../guest/error.ts';
import { type Curve, type Figure, figures } from './figures.ts';
import { runCalibration, type Sample } from './guest-run.ts';
import { type Published, published } from './published.ts';

/** How far a plateau may be off what the profile implies. */
export const TOLERANCE = 0.03;

export interface Point {
  x: number;
  measured: number;
  /** What the profile implies; null between plateaus. */
  implied: number | null;
}

/** Neighbouring points of one region. `measured` and `implied` are those of its worst point. */
export interface Plateau {
  figure: string;
  curve: string;
  region: string;
  from: number;
  to: number;
  points: number;
  measured: number;
  implied: number;
  /** measured ÷ implied − 1 at the worst point. */
  off: number;
  published: Published | null;
}

export interface MeasuredCurve {
  figure: string;
  curve: string;
  title: string;
  points: Point[];
  plateaus: Plateau[];
}

export interface Calibration {
  profile: string;
  tolerance: number;
  curves: MeasuredCurve[];
  /** Plateaus that are further off than the tolerance, as `curve region`. */
  failures: string[];
}

export interface CalibrateOptions {
  build: GuestBuild;
  profile: Profile;
  engine?: EngineKind;
  onProgress?: (done: number, total: number) => void;
}

/** Runs everything. Throws a GuestError if a program does not end as it should or leaves a curve out. */
export function calibrate(options: CalibrateOptions): Calibration {
  const samples = measure(options);
  return judge(options.profile, samples);
}

/** All samples by curve, as the guest printed them. */
export function measure({ build, profile, engine, onProgress }: CalibrateOptions): Map<string, Sample[]> {
  const programs = [...new Set(figures.map(f => f.program))];
  const samples = new Map<string, Sample[]>();
  let done = 0;
  onProgress?.(done, programs.length);
  for (const name of programs) {
    for (const [curve, s] of runProgram(build, name, profile, engine)) samples.set(curve, s);
    onProgress?.(++done, programs.length);
  }
  return samples;
}

function runProgram(
  build: GuestBuild,
  name: CalibrationName,
  profile: Profile,
  engine?: EngineKind,
): Map<string, Sample[]> {
  return runCalibration(name, readFileSync(artefact(build, `${name}.elf`)), profile, engine);
}

/** Holds samples against what `profile` implies. */
export function judge(profile: Profile, samples: ReadonlyMap<string, readonly Sample[]>): Calibration {
  const curves = figures.flatMap(figure =>
    figure.curves.map(curve => judgeCurve(profile, figure, curve, samples.get(curve.name))),
  );
  const failures = curves
    .flatMap(c => c.plateaus)
    .filter(plateau => !(Math.abs(plateau.off) <= TOLERANCE))
    .map(plateau => `${plateau.curve} ${plateau.region}`);
  return { profile: profile.name, tolerance: TOLERANCE, curves, failures };
}

function judgeCurve(
  profile: Profile,
  figure: Figure,
  curve: Curve,
  samples: readonly Sample[] | undefined,
): MeasuredCurve {
  if (!samples?.length) throw new GuestError(`${figure.program} measured no curve ${curve.name}`);
  const points: Point[] = [];
  const plateaus: Plateau[] = [];
  let last = '';
  for (const s of samples) {
    const cycles = s.cycles / s.operations;
    const measured = figure.rate ? (s.cycles > 0 ? 1 / cycles : 0) : cycles;
    const implied = curve.formula(profile, s.x);
    const value = implied && (figure.rate ? 1 / implied.value : implied.value);
    points.push({ x: s.x, measured, implied: value });
    if (!implied || value === null) {
      last = '';
      continue;
    }
    const off = deviation(measured, value);
    const open = last === implied.region ? plateaus.at(-1) : undefined;
    last = implied.region;
    if (!open) {
      plateaus.push({
        figure: figure.name,
        curve: curve.name,
        region: implied.region,
        from: s.x,
        to: s.x,
        points: 1,
        measured,
        implied: value,
        off,
        published: published(profile.name, curve.name, implied.region),
      });
      continue;
    }
    open.to = s.x;
    open.points++;
    if (Math.abs(off) > Math.abs(open.off)) Object.assign(open, { measured, implied: value, off });
  }
  return { figure: figure.name, curve: curve.name, title: curve.title, points, plateaus };
}

/** Where nothing should cost anything, a hundredth of a cycle is nothing. */
function deviation(measured: number, implied: number): number {
  if (implied === 0) return Math.abs(measured) < 0.01 ? 0 : Number.POSITIVE_INFINITY;
  return measured / implied - 1;
}
