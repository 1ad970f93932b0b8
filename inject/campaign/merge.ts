/**
 * Puts the files of a campaign's shards together. A merged file is a results file like any: what is missing in it
 * `nooks86 inject` with the same settings does.
 */
import { existsSync, rmSync } from 'node:fs';
import { type CampaignSettings, configurationName, type TrialRecord } from '../model.ts';
import { CampaignError } from './error.ts';
import { differences, ResultsReader, ResultsWriter, shardText, trialKey } from './store.ts';

export interface Merged {
  records: number;
  /** Trials of the campaign that no file has, by configuration; empty when it is whole. */
  missing: Map<string, number[]>;
}

const BATCH = 200;

/**
 * Merges `inputs` into the new file `out`. Throws a CampaignError, and leaves no `out`, if that exists, if the files
 * are of different campaigns, or if two have the same trial.
 */
export function mergeResults(out: string, inputs: readonly string[]): Merged {
  if (existsSync(out)) throw new CampaignError(`${out} exists: merge into a new file`);
  const readers: ResultsReader[] = [];
  try {
    for (const path of inputs) readers.push(new ResultsReader(path));
    const [first] = readers;
    for (const reader of readers) checkSame(first, reader);
    const done = checkDisjoint(readers);
    writeAll(out, first.settings, readers);
    return { records: done.size, missing: missingOf(first.settings, done) };
  } finally {
    for (const reader of readers) reader.close();
  }
}

function checkSame(first: ResultsReader, other: ResultsReader): void {
  const differ = differences(first.settings, other.settings).map(text => text.replace(', now ', ', '));
  if (differ.length)
    throw new CampaignError(
      `${first.path} and ${other.path} are of different campaigns; what differs: ${differ.join(', ')}`,
    );
}

/** The keys of all trials. */
function checkDisjoint(readers: readonly ResultsReader[]): Set<string> {
  const owner = new Map<string, ResultsReader>();
  for (const reader of readers) {
    const twice = [...reader.finished().keys()].filter(key => owner.has(key));
    if (twice.length) {
      const other = owner.get(twice[0])!;
      throw new CampaignError(
        `${named(other)} and ${named(reader)} overlap: both have ${twice.length} trials (${twice[0]}, …)`,
      );
    }
    for (const key of reader.finished().keys()) owner.set(key, reader);
  }
  return new Set(owner.keys());
}

function named(reader: ResultsReader): string {
  const shard = shardText(reader.shard);
  return shard ? `${reader.path} (shard ${shard})` : reader.path;
}

function writeAll(out: string, settings: CampaignSettings, readers: readonly ResultsReader[]): void {
  const writer = new ResultsWriter(out, settings, null);
  let good = false;
  try {
    for (const reader of readers) {
      let batch: TrialRecord[] = [];
      for (const record of reader.records()) {
        batch.push(record);
        if (batch.length < BATCH) continue;
        writer.add(batch);
        batch = [];
      }
      writer.add(batch);
      for (const figures of reader.sessions()) writer.addSession(figures);
    }
    good = true;
  } finally {
    writer.close();
    if (!good) for (const suffix of ['', '-wal']) rmSync(out + suffix, { force: true });
  }
}

function missingOf(settings: CampaignSettings, done: ReadonlySet<string>): Map<string, number[]> {
  const missing = new Map<string, number[]>();
  for (const name of settings.configurations.map(configurationName)) {
    const trials = Array.from({ length: settings.trials }, (_, n) => n);
    const open = trials.filter(trial => !done.has(trialKey(name, trial)));
    if (open.length) missing.set(name, open);
  }
  return missing;
}
