/** Runs one case on both engines, and makes one on which they part as small as it gets. */
import { lockstep, type Outcome } from '../lockstep.ts';
import { build, type Case } from './world.ts';

/** Runs that shrinking may take. */
const TRIES = 600;

/** Throws an Error for a case that cannot be assembled. */
export function runCase(c: Case): Outcome {
  return lockstep(engine => build(c, engine), c.acts);
}

/** The engines part on `c`: a smaller case on which they do, and what it came to. */
export function shrink(c: Case): { case: Case; outcome: Outcome } {
  let tries = TRIES;
  let best = { case: c, outcome: runCase(c) };
  const attempt = (smaller: Case): boolean => {
    if (tries-- <= 0) return false;
    try {
      const outcome = runCase(smaller);
      if (!outcome.parting) return false;
      best = { case: { ...smaller, acts: outcome.parting.acts }, outcome };
      return true;
    } catch {
      // A line that another one needs is gone.
      return false;
    }
  };
  if (!best.outcome.parting) return best;
  best.case = { ...c, acts: best.outcome.parting.acts };
  attempt({ ...best.case, acts: [{ act: 'run', ticks: ticksOf(best.case) }] });
  for (let round = 0; round < 3 && tries > 0; round++) {
    const before = JSON.stringify(best.case);
    for (const world of simpler(best.case.world)) attempt({ ...best.case, world });
    drop(
      () => best.case.lines,
      lines => attempt({ ...best.case, lines }),
    );
    drop(
      () => best.case.acts,
      acts => attempt({ ...best.case, acts }),
    );
    if (JSON.stringify(best.case) === before) break;
  }
  return best;
}

const ticksOf = (c: Case) => c.acts.reduce((sum, a) => sum + (a.act === 'run' ? a.ticks + 400 : 0), 0);

function simpler(world: Case['world']): Case['world'][] {
  return [
    { ...world, period: 0 },
    { ...world, hot: 1 },
    { ...world, user: false },
    { ...world, paging: false },
    { ...world, cr0: 0 },
    { ...world, cr4: 0 },
    { ...world, eflags: 2 },
    { ...world, tables: [] },
    { ...world, regions: 0 },
  ];
}

/** Leaves out runs of items, long ones first. */
function drop<T>(items: () => T[], attempt: (left: T[]) => boolean): void {
  for (let size = items().length >> 1; size >= 1; size >>= 1)
    for (let at = items().length - size; at >= 0; at -= size) {
      const all = items();
      if (at + size <= all.length) attempt([...all.slice(0, at), ...all.slice(at + size)]);
    }
}

/** A case for a person, and for a test: JSON with a line an item. */
export function caseText(c: Case): string {
  return JSON.stringify(c, null, 1);
}
