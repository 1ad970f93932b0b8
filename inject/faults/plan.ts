/**
 * Plans a trial: which faults are done to the driver, and when. A pure function of the driver's file, the campaign's
 * settings and the trial's number: each configuration gets the same plan, and so does each replay.
 *
 * The five faults of a trial are drawn one by one, types too, and never touch the same bytes. A type that the driver
 * has no place for is not drawn (`impossibleTypes` says which).
 */
import { Random } from '../../bench/farend/random.ts';
import { findProfile } from '../../emu/profile/index.ts';
import type { ElfFile } from '../../guest/elf.ts';
import { GuestError } from '../../guest/error.ts';
import type { CampaignSettings, Fault, FaultTypeName, TrialPlan } from '../model.ts';
import { driverCode, type FaultTarget } from './code.ts';
import { pick } from './distribution.ts';
import { FAULT_TYPES, type FaultType, faultType } from './types.ts';

/** Seconds of guest time from the warm snapshot within which a trial's faults are injected. */
const DELAY_SECONDS = 0.004;
/** Draws of one fault before it may overlap another after all. */
const TRIES = 200;
/** Of the generator that asks whether a type has a place: it finds one or finds that there is none. */
const PROBE_SEED = 1;
const TWO_32 = 2 ** 32;

const possible = new WeakMap<ElfFile, Set<FaultTypeName>>();

/** Types that this driver has no place for. */
export function impossibleTypes(target: FaultTarget): FaultTypeName[] {
  const has = placesOf(target);
  return FAULT_TYPES.map(t => t.name).filter(name => !has.has(name));
}

function placesOf(target: FaultTarget): Set<FaultTypeName> {
  let names = possible.get(target.elf);
  if (!names) {
    const code = driverCode(target);
    const found = FAULT_TYPES.filter(t => t.draw(code, new Random(PROBE_SEED)) !== null).map(t => t.name);
    possible.set(target.elf, (names = new Set(found)));
  }
  return names;
}

/** A trial's seed: murmur3's finaliser over both numbers, so that neighbours have nothing in common. */
export function trialSeed(seed: number, trial: number): number {
  let h = (seed ^ Math.imul(trial + 1, 0x9e3779b9)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Throws a GuestError if the settings name only types that the driver has no place for. */
export function planTrial(target: FaultTarget, settings: CampaignSettings, trial: number): TrialPlan {
  const seed = trialSeed(settings.seed, trial);
  const random = new Random(seed);
  const types = drawableTypes(target, settings);
  const weights = types.map(t => (settings.distribution === 'uniform' ? 1 : t.weight));
  const { clockHz } = findProfile(settings.profile as Parameters<typeof findProfile>[0]);
  const delay = Math.floor((random.next() / TWO_32) * DELAY_SECONDS * clockHz.value);
  const faults: Fault[] = [];
  for (let n = 0; n < settings.faultsPerTrial; n++) {
    faults.push(drawApart(target, types, weights, random, faults));
  }
  return { driver: settings.driver, trial, seed, persistence: settings.persistence, delay, faults };
}

function drawableTypes(target: FaultTarget, settings: CampaignSettings): FaultType[] {
  const wanted = settings.types.length > 0 ? settings.types.map(faultType) : FAULT_TYPES;
  const has = placesOf(target);
  const types = wanted.filter(t => has.has(t.name) && (settings.distribution === 'uniform' || t.weight > 0));
  if (types.length === 0) {
    const names = wanted.map(t => t.name).join(', ');
    throw new GuestError(
      `${target.driver} has no place for faults of type ${names} (${settings.distribution})`,
    );
  }
  return types;
}

function drawApart(
  target: FaultTarget,
  types: readonly FaultType[],
  weights: readonly number[],
  random: Random,
  others: readonly Fault[],
): Fault {
  const code = driverCode(target);
  const type = pick(types, weights, random.next() / TWO_32);
  let fault: Fault | null = null;
  for (let n = 0; n < TRIES; n++) {
    fault = type.draw(code, random) ?? fault;
    if (fault && !others.some(other => touch(other, fault as Fault))) break;
  }
  // A type with few places is drawn again in vain: then it is another's turn.
  if (fault && others.some(other => touch(other, fault as Fault)) && types.length > 1)
    return drawApart(
      target,
      types.filter(t => t !== type),
      weights.filter((_, n) => types[n] !== type),
      random,
      others,
    );
  if (!fault) throw new GuestError(`${target.driver} has no place for ${type.name}`);
  return fault;
}

/** Do two faults change, or wait at, the same bytes? */
function touch(a: Fault, b: Fault): boolean {
  if (a.section === undefined || a.section !== b.section) return false;
  const [first, second] = [reach(a), reach(b)];
  return first.some(x => second.some(y => x.start < y.end && y.start < x.end));
}

/** A call or store that is done twice also uses the two bytes behind it, and an exchanged call the call's five. */
const AROUND = 7;

function reach(f: Fault): { start: number; end: number }[] {
  const offset = f.offset ?? 0;
  const ends = (f.patch ?? []).map(p => p.offset + 1);
  const list = [{ start: offset, end: Math.max(offset + 1, ...ends, f.patch ? 0 : offset + 2 * AROUND) }];
  if (f.parameters?.store !== undefined)
    list.push({ start: f.parameters.store, end: f.parameters.store + 2 * AROUND });
  return list;
}
