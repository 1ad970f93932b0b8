/** A worker's thread with a fake bench that dies of certain trials. */
import { type Job, type JobResult, Runner } from '../../../inject/campaign/runner.ts';
import type { TrialPlan } from '../../../inject/model.ts';
import { FakeBench } from './fake.ts';

const DEATHS: Record<number, () => void> = {
  1: () => process.exit(3),
  2: fillMemory,
  3: () => {
    setTimeout(() => {
      throw new Error('thrown later');
    });
  },
  5: () => {
    throw new Error('thrown at once');
  },
  6: () => {
    for (;;);
  },
};

class MortalBench extends FakeBench {
  override run(plan: TrialPlan) {
    DEATHS[plan.trial]?.();
    return super.run(plan);
  }
}

function fillMemory(): void {
  const kept: unknown[] = [];
  for (;;) kept.push(new Array(1000).fill(kept.length));
}

const runner = new Runner(configuration => new MortalBench(configuration));

export default async function work(job: Job): Promise<JobResult> {
  const result = runner.run(job);
  if (job.plans[0]?.trial === 3) await new Promise(() => {});
  return result;
}
