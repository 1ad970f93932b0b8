/** A fake campaign as a process, to be killed: FILE. Prints the trials done after each batch. */
import { CampaignError } from '../../../inject/campaign/error.ts';
import { fakeCampaign } from './fake.ts';

const stop = { wanted: false };
process.on('SIGTERM', () => {
  stop.wanted = true;
});
try {
  const [file, batch] = process.argv.slice(2);
  const onProgress = (tally: { done(): number }) => process.stdout.write(`${tally.done()}\n`);
  await fakeCampaign(file, { batch: Number(batch) || 3, stop, onProgress });
} catch (error) {
  if (!(error instanceof CampaignError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
