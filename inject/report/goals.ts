/** What was set out to be reached before the campaign. The rules never follow the figures. */
import { percent } from './format.ts';
import type { Share } from './intervals.ts';
import type { ConfigurationSummary, Goal, Pairing } from './summary.ts';

/** Fewer native crashes, and no percentage is claimed. */
export const LEAST_NATIVE_CRASHES = 200;

export function goalsOf(all: readonly ConfigurationSummary[], pairings: readonly Pairing[]): Goal[] {
  const goals: Goal[] = [];
  const native = all.find(c => !c.isolated);
  if (native)
    goals.push({
      goal: `native crashes, at least ${LEAST_NATIVE_CRASHES}`,
      configuration: native.name,
      figure: `${native.crashes.count}`,
      met: native.crashes.count >= LEAST_NATIVE_CRASHES,
    });
  for (const p of pairings)
    goals.push({
      goal: 'crashes eliminated, at least 99 %',
      configuration: p.configuration,
      figure: p.claimed ? percent(p.crashShare.share ?? 0) : 'not claimed: too few native crashes',
      met: p.claimed ? (p.crashShare.share ?? 0) >= 0.99 : null,
    });
  for (const c of all.filter(c => c.isolated)) {
    const few = !native || native.crashes.count < LEAST_NATIVE_CRASHES || c.trials === 0;
    const fewer = few ? 0 : 1 - (c.crashes.share ?? 0) / (native.crashes.share ?? 1);
    goals.push({
      goal: 'the same by sums, as the paper’s: also crashes that are new count',
      configuration: c.name,
      figure: few ? 'not claimed: too few native crashes' : percent(fewer),
      met: few ? null : fewer >= 0.99,
    });
  }
  for (const c of all.filter(c => c.isolated))
    goals.push({
      goal: 'undetected corruption that page protection could stop, none',
      configuration: c.name,
      figure: `${c.corrupted.preventable} of ${c.corrupted.trials} corruptions, ${c.wildWrites.preventableTrials} trials with such a write`,
      met: c.trials > 0 ? c.corrupted.preventable === 0 : null,
    });
  for (const c of all.filter(c => c.name.endsWith('/shadow'))) {
    goals.push(most('trials with a recovery whose streams go on, at least 98 %', c.name, c.streamsGoOn));
    goals.push(most('the same for every program, at least 98 %', c.name, c.concealed));
  }
  return goals;
}

function most(goal: string, configuration: string, { share, count, of }: Share): Goal {
  const figure = share === null ? 'no recoveries' : `${percent(share)} (${count} of ${of})`;
  return { goal, configuration, figure, met: share === null ? null : share >= 0.98 };
}
