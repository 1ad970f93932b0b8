/**
 * A campaign's progress on stderr: on a terminal a bar for all and one for each configuration with its outcomes, in
 * a pipe or log a line now and then.
 */
import { MultiBar, type SingleBar } from 'cli-progress';
import type { Tally } from '../inject/campaign/tally.ts';

export interface CampaignProgress {
  update(tally: Tally): void;
  /** A line of its own. */
  say(line: string): void;
  close(): void;
}

/** Between two lines where nobody looks. */
const LINE_MS = 10_000;
const BAR_WIDTH = 24;

/** Lines go to `write`, bars to `stream` if that is a terminal. `now` gives milliseconds. */
export function openCampaignProgress(
  write: (text: string) => void,
  stream: NodeJS.WriteStream = process.stderr,
  now: () => number = () => performance.now(),
): CampaignProgress {
  return stream.isTTY ? new Bars(stream) : new Lines(write, now);
}

class Bars implements CampaignProgress {
  private readonly bars: MultiBar;
  private total: SingleBar | undefined;
  private readonly columns = new Map<string, SingleBar>();

  constructor(stream: NodeJS.WriteStream) {
    this.bars = new MultiBar({
      format: '{name} [{bar}] {value}/{total} {text}',
      stream,
      barsize: BAR_WIDTH,
      clearOnComplete: false,
      gracefulExit: false,
      // The text's length is the user's terminal's business; a wrapped line would be drawn over and over.
      linewrap: false,
      emptyOnZero: true,
    });
  }

  update(tally: Tally): void {
    if (!this.total) this.create(tally);
    this.total?.update(tally.done(), { text: speedOf(tally) });
    for (const [name, bar] of this.columns)
      bar.update(tally.done(name), { text: outcomesOf(tally.outcomes.get(name)!) });
  }

  say(line: string): void {
    this.bars.log(`${line}\n`);
    this.bars.update();
  }

  close(): void {
    this.bars.stop();
  }

  private create(tally: Tally): void {
    const names = [...tally.outcomes.keys()];
    const width = Math.max('all'.length, ...names.map(name => name.length));
    const bar = (name: string, total: number) =>
      this.bars.create(total, 0, { name: name.padEnd(width), text: '' });
    this.total = bar('all', tally.total());
    for (const name of names) this.columns.set(name, bar(name, tally.trials));
  }
}

class Lines implements CampaignProgress {
  private readonly write: (text: string) => void;
  private readonly now: () => number;
  private last = Number.NEGATIVE_INFINITY;
  private told = -1;
  private tally: Tally | undefined;

  constructor(write: (text: string) => void, now: () => number) {
    this.write = write;
    this.now = now;
  }

  update(tally: Tally): void {
    this.tally = tally;
    if (this.now() - this.last < LINE_MS) return;
    this.last = this.now();
    this.tell(tally);
  }

  say(line: string): void {
    this.write(`${line}\n`);
  }

  close(): void {
    if (this.tally && this.tally.done() !== this.told) this.tell(this.tally);
  }

  private tell(tally: Tally): void {
    this.told = tally.done();
    const columns = [...tally.outcomes].map(
      ([name, outcomes]) => `; ${name}: ${outcomesOf(outcomes) || '-'}`,
    );
    this.say(`${this.told}/${tally.total()} trials${speedOf(tally)}${columns.join('')}`);
  }
}

function speedOf(tally: Tally): string {
  const left = tally.secondsLeft();
  return left === undefined ? '' : `, ${rateText(tally.rate())}, ${timeText(left)} left`;
}

function rateText(rate: number): string {
  return rate >= 0.1 ? `${rate.toFixed(rate < 10 ? 2 : 0)} trials/s` : `${(rate * 60).toFixed(2)} trials/min`;
}

function timeText(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `12 crash, 3 recovered`: the most frequent first. */
function outcomesOf(outcomes: ReadonlyMap<string, number>): string {
  return [...outcomes]
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, n]) => `${n} ${outcome}`)
    .join(', ');
}
