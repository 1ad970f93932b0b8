/** What a campaign's thread runs: jobs of the Campaign that tinypool brought. scripts/build.mjs bundles it by itself. */
import { Tinypool } from 'tinypool';
import { MACHINERY } from './machinery.ts';
import { type Campaign, type Job, type JobResult, Runner } from './runner.ts';

const campaign = Tinypool.workerData as Campaign;
const runner = new Runner(configuration => MACHINERY.openBench(campaign, configuration));

export default function work(job: Job): JobResult {
  return runner.run(job);
}
