/**
 * `npm run fuzz:engine -- [--seeds N] [--from S] [--profile P] [--feature F] [--minutes M]
 * [--wild] [--replay FILE]`: guests of any features on
 * both engines. Where they part, the case is made small, told, and kept under .cache/fuzz-engine/; the exit code is 1.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { profiles } from '../../../../emu/profile/index.ts';
import { type Act, lockstep } from '../lockstep.ts';
import { wild } from '../wild.ts';
import { random } from '../world.ts';
import { generate } from './generate.ts';
import { caseText, runCase, shrink } from './run.ts';
import type { Case } from './world.ts';

const KEPT = '.cache/fuzz-engine';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '600' },
    profile: { type: 'string' },
    feature: { type: 'string' },
    most: { type: 'string', default: '5' },
    replay: { type: 'string' },
    wild: { type: 'boolean', default: false },
  },
});

const whole = (name: 'seeds' | 'from' | 'minutes' | 'most') => {
  const n = Number(values[name]);
  if (!Number.isSafeInteger(n) || n < 0)
    throw new Error(`--${name} ${values[name]}: a whole number is needed`);
  return n;
};
const names = values.profile ? [values.profile] : Object.keys(profiles);
const [seeds, from, most] = [whole('seeds'), whole('from'), whole('most')];
const until = Date.now() + whole('minutes') * 60_000;
let [instructions, units, guests, parted] = [0, 0, 0, 0];

function one(profile: string, seed: number): void {
  const c = generate(profile, seed, values.feature);
  let outcome: ReturnType<typeof runCase>;
  try {
    outcome = runCase(c);
  } catch (thrown) {
    parted++;
    console.log(`seed ${seed} on ${profile}: the host threw ${(thrown as Error)?.stack ?? String(thrown)}`);
    return;
  }
  instructions += outcome.instructions;
  units += outcome.units;
  guests++;
  if (!outcome.parting) return;
  parted++;
  const small = shrink(c);
  console.log(`seed ${seed} on ${profile}: ${small.outcome.parting?.report}`);
  mkdirSync(KEPT, { recursive: true });
  const file = `${KEPT}/${profile}-${seed}.json`;
  writeFileSync(file, `${caseText(small.case)}\n`);
  console.log(`kept as ${file}\n${caseText(small.case)}`);
}

/** Random bytes as code (../wild.ts), cut at random. */
function wildOne(profile: string, seed: number): void {
  const next = random(seed);
  const total = profile === 'flat' ? 24_000 : 160_000;
  const acts: Act[] = [];
  for (let left = total; left > 0; ) {
    const ticks = 1 + (next() % (total >> 2));
    acts.push({ act: 'run', ticks });
    left -= ticks;
  }
  const hot = next() % 3;
  const outcome = lockstep(engine => {
    const m = wild(profile, seed, engine);
    if (m.engine.jit) m.engine.jit.hot = hot;
    return m;
  }, acts);
  instructions += outcome.instructions;
  units += outcome.units;
  guests++;
  if (!outcome.parting) return;
  parted++;
  console.log(`wild seed ${seed} on ${profile}: ${outcome.parting.report}`);
}

/** A kept case again. */
function replay(file: string): void {
  const outcome = runCase(JSON.parse(readFileSync(file, 'utf8')) as Case);
  console.log(outcome.parting?.report ?? `${file}: the engines agree, ${outcome.units} units compiled`);
  process.exit(outcome.parting ? 1 : 0);
}
if (values.replay) replay(values.replay);

for (let seed = from; seed < from + seeds && Date.now() < until && parted < most; seed++) {
  for (const profile of names)
    if (values.wild) wildOne(profile, seed);
    else one(profile, seed);
  if ((seed - from) % 100 === 99)
    console.log(`${seed}: ${guests} guests, ${instructions} instructions, ${units} units, ${parted} parted`);
}
console.log(`${guests} guests, ${instructions} instructions, ${units} units compiled, ${parted} parted`);
process.exitCode = parted > 0 ? 1 : 0;
