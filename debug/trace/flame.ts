/**
 * Where the cycles went, by call stack: folded stacks (flamegraph.pl: `a;b;c WEIGHT` a line) and a speedscope file
 * (https://github.com/jlfwong/speedscope/wiki/Importing-from-custom-sources, file-format-spec.ts). The weights are
 * cycles, in quarters, and sum to the cycles of the window exactly. The outermost frames are whose pages were loaded,
 * in brackets, and the code region. Order in time is not kept: the files are as large as the program, not the run.
 */
import { MAX_REGIONS } from '../../emu/accounting.ts';
import { TICKS_PER_CYCLE } from '../../emu/clock.ts';
import { REGIONS } from '../../guest/regions.ts';
import type { Target } from '../target.ts';
import { CallTree } from './call-tree.ts';
import type { Recorder, Sink } from './recorder.ts';
import type { Stack } from './stacks.ts';

const SCHEMA = 'https://www.speedscope.app/file-format-schema.json';

/** Gathers for both formats. */
export class Profile {
  private readonly tree = new CallTree();
  private readonly modes: string[] = [];
  private readonly regions: readonly string[];

  constructor(target: Target) {
    this.regions = target.session ? REGIONS : [];
  }

  spent(ticks: number, region: number, mode: string, stack: Stack): void {
    let index = this.modes.indexOf(mode);
    if (index < 0) index = this.modes.push(mode) - 1;
    this.tree.charge(stack, index * MAX_REGIONS + region, ticks);
  }

  /** All stacks with their cycles. */
  *rows(): Generator<{ names: string[]; cycles: number }> {
    for (const { names, key, ticks } of this.tree.stacks()) {
      const region = this.regions[key % MAX_REGIONS];
      const mode = `[${this.modes[Math.floor(key / MAX_REGIONS)]}]`;
      yield { names: [mode, ...(region ? [region] : []), ...names], cycles: ticks / TICKS_PER_CYCLE };
    }
  }
}

abstract class FlameRecorder implements Recorder {
  readonly full = false;
  protected readonly sink: Sink;
  protected readonly profile: Profile;

  constructor(target: Target, sink: Sink) {
    this.sink = sink;
    this.profile = new Profile(target);
  }

  spent(ticks: number, region: number, mode: string, stack: Stack): void {
    this.profile.spent(ticks, region, mode, stack);
  }

  abstract end(): void;
}

export class FoldedRecorder extends FlameRecorder {
  end(): void {
    for (const { names, cycles } of this.profile.rows())
      this.sink.write(`${names.map(name => name.replace(/;/g, ':')).join(';')} ${cycles}\n`);
  }
}

/** Stacks are lists of numbers of frames, the outermost first. */
export class SpeedscopeRecorder extends FlameRecorder {
  end(): void {
    const numbers = new Map<string, number>();
    const numberOf = (name: string) => {
      let n = numbers.get(name);
      if (n === undefined) numbers.set(name, (n = numbers.size));
      return n;
    };
    const weights: number[] = [];
    let sum = 0;
    this.sink.write(`{"$schema":"${SCHEMA}","exporter":"nooks86","name":"nooks86","activeProfileIndex":0,\n`);
    this.sink.write('"profiles":[{"type":"sampled","name":"cycles","unit":"none","startValue":0,"samples":[');
    for (const { names, cycles } of this.profile.rows()) {
      this.sink.write(`${weights.length ? ',' : ''}\n${JSON.stringify(names.map(numberOf))}`);
      weights.push(cycles);
      sum += cycles;
    }
    this.sink.write(`],\n"weights":${JSON.stringify(weights)},"endValue":${sum}}],\n`);
    const frames = [...numbers.keys()].map(name => ({ name }));
    this.sink.write(`"shared":{"frames":${JSON.stringify(frames)}}}\n`);
  }
}
