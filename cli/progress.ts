/**
 * Progress of long work on a terminal: a bar with count, rate and time left, on stderr so that output stays clean.
 * Where stderr is no terminal (a pipe, a log) it writes nothing.
 */
import { SingleBar } from 'cli-progress';

export interface Progress {
  /** `done` of `total` units are done; the bar appears with the first call. Both may be any numbers from 0. */
  update(done: number, total: number): void;
  /** Removes the bar. Call it also when the work failed. */
  close(): void;
}

const SILENT: Progress = { update() {}, close() {} };

/** A bar named `label` that counts `unit`. `now` gives milliseconds. */
export function openProgress(
  label: string,
  unit: string,
  stream: NodeJS.WriteStream = process.stderr,
  now: () => number = () => performance.now(),
): Progress {
  if (!stream.isTTY) return SILENT;
  const bar = new SingleBar({
    format: `${label} [{bar}] {value}/{total} ${unit} | {rate}/s | {eta_formatted} left`,
    stream,
    clearOnComplete: true,
    barsize: 30,
    // A cursor that is not hidden need not be restored when the user interrupts.
    gracefulExit: false,
  });
  const start = now();
  let running = false;
  return {
    update(done, total) {
      const seconds = (now() - start) / 1000;
      const rate = seconds > 0 ? round(done / seconds) : '-';
      if (!running) bar.start(total, done, { rate });
      running = true;
      bar.setTotal(total);
      bar.update(done, { rate });
    },
    close() {
      if (running) bar.stop();
      running = false;
    },
  };
}

/** Three figures. */
function round(value: number): string {
  return value >= 100 ? Math.round(value).toString() : value.toPrecision(3);
}
