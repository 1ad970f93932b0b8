/**
 * A trace under way: one follower, any number of files. Nothing of it is seen by the guest. A file that cannot be
 * written ends its own format only; `error` says so.
 */
import { TICKS_PER_CYCLE } from '../../emu/clock.ts';
import type { Target } from '../target.ts';
import { ChromeRecorder } from './chrome.ts';
import { Profile, writeFolded, writeSpeedscope } from './flame.ts';
import { Follower } from './follower.ts';
import { Names } from './names.ts';
import type { Recorder, Sink } from './recorder.ts';
import { BranchRecorder, InstructionRecorder } from './text.ts';

export interface TraceLimits {
  /** Events, or lines, in a file. */
  events: number;
  /** Cycles between two readings of the counters. */
  interval: number;
}

export const DEFAULT_LIMITS: TraceLimits = { events: 1_000_000, interval: 100_000 };

interface Parts {
  target: Target;
  names: Names;
  /** The one for all files that are made of it. */
  profile: Profile;
  limits: TraceLimits;
}

type Make = (parts: Parts, sink: Sink) => Recorder;

interface FormatRow {
  /** What `nooks86 trace --help` says. */
  text: string;
  make: Make;
}

/** The formats. (The frames on the wire are the command line's: bench/farend/pcap.ts.) */
export const FORMATS = {
  chrome: {
    text: 'Chrome trace events, for Perfetto',
    make: ({ target, names, limits }, sink) =>
      new ChromeRecorder(target, names, sink, limits.events, limits.interval),
  },
  speedscope: {
    text: 'cycles by call stack, for speedscope',
    make: ({ profile }, sink) => {
      profile.add(writeSpeedscope, sink);
      return profile;
    },
  },
  folded: {
    text: 'cycles by call stack, for flamegraph.pl',
    make: ({ profile }, sink) => {
      profile.add(writeFolded, sink);
      return profile;
    },
  },
  branches: {
    text: 'each branch, a line each',
    make: ({ target, names, limits }, sink) => new BranchRecorder(target, names, sink, limits.events),
  },
  instructions: {
    text: 'each instruction, a line each',
    make: ({ target, names, limits }, sink) => new InstructionRecorder(target, names, sink, limits.events),
  },
} as const satisfies Record<string, FormatRow>;
export type Format = keyof typeof FORMATS;

export interface Output {
  format: Format;
  sink: Sink;
}

export class Tracer {
  private readonly target: Target;
  private readonly follower: Follower;
  private readonly outputs: { format: Format; sink: GuardedSink; recorder: Recorder; fullAt?: number }[];
  private readonly unwatch: () => void;
  private readonly onDone: () => void;
  private last: number;
  private stopped = false;
  /** Where the guest stood when it was taken back to an earlier moment; what follows is not written. Cycles. */
  wentBack: number | undefined;

  /** Traces from where the guest stands. `onDone` is called while the guest runs, when `done` becomes true. */
  constructor(target: Target, outputs: readonly Output[], limits = DEFAULT_LIMITS, onDone = () => {}) {
    this.target = target;
    this.onDone = onDone;
    const names = new Names(target);
    const parts: Parts = { target, names, profile: new Profile(target), limits };
    this.outputs = outputs.map(({ format, sink }) => {
      const guarded = new GuardedSink(sink);
      const { make }: FormatRow = FORMATS[format];
      return { format, sink: guarded, recorder: make(parts, guarded) };
    });
    this.last = target.machine.clock.now();
    // Before the follower, so that it is the first to see that time has gone back.
    this.unwatch = target.machine.cpu.probes.add({ begins: () => this.look() });
    this.follower = new Follower(target, [...this.recorders()], names);
  }

  /** All files have what they can hold, or cannot be written: there is no sense in going on. */
  get done(): boolean {
    return this.stopped || this.outputs.every(o => o.recorder.full || o.sink.error !== undefined);
  }

  /** The first error of a file. */
  get error(): unknown {
    return this.outputs.find(o => o.sink.error !== undefined)?.sink.error;
  }

  /** Where formats were cut by their bound; cycles. */
  cuts(): { format: Format; at: number }[] {
    return this.outputs.flatMap(({ format, fullAt }) =>
      fullAt === undefined ? [] : [{ format, at: fullAt }],
    );
  }

  /** Writes the ends of the files. Again: does nothing. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.unwatch();
    if (this.wentBack === undefined) {
      this.mark();
      this.follower.stop();
    }
    for (const recorder of this.recorders()) recorder.end();
  }

  private recorders(): Set<Recorder> {
    return new Set(this.outputs.map(o => o.recorder));
  }

  private look(): void {
    const { machine } = this.target;
    const now = machine.clock.now();
    if (now < this.last) {
      this.wentBack = this.last / TICKS_PER_CYCLE;
      this.follower.leave();
      this.unwatch();
      return;
    }
    this.last = now;
    if (this.mark() && this.done) this.onDone();
  }

  /** Notes what is full; true if something was not before. */
  private mark(): boolean {
    let more = false;
    for (const o of this.outputs) {
      if (o.fullAt !== undefined || !(o.recorder.full || o.sink.error !== undefined)) continue;
      if (o.recorder.full) o.fullAt = this.target.machine.cycles();
      more = true;
    }
    return more;
  }
}

/** Keeps the first error and drops what comes after: nothing is thrown while the guest runs. */
class GuardedSink implements Sink {
  error: unknown;
  private readonly sink: Sink;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  write(text: string): void {
    if (this.error !== undefined) return;
    try {
      this.sink.write(text);
    } catch (error) {
      this.error = error;
    }
  }
}
