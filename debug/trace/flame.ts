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

type Write = (profile: Profile, sink: Sink) => void;

/** Gathers once for all files: a frame knows its one node of the tree. */
export class Profile implements Recorder {
  readonly full = false;
  private readonly outputs: { write: Write; sink: Sink }[] = [];
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

  /** At the end, `write` gives `sink` its file. */
  add(write: Write, sink: Sink): void {
    this.outputs.push({ write, sink });
  }

  end(): void {
    for (const { write, sink } of this.outputs) write(this, sink);
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

export function writeFolded(profile: Profile, sink: Sink): void {
  for (const { names, cycles } of profile.rows())
    sink.write(`${names.map(name => name.replace(/;/g, ':')).join(';')} ${cycles}\n`);
}

/** Stacks are lists of numbers of frames, the outermost first. */
export function writeSpeedscope(profile: Profile, sink: Sink): void {
  const numbers = new Map<string, number>();
  const numberOf = (name: string) => {
    let n = numbers.get(name);
    if (n === undefined) numbers.set(name, (n = numbers.size));
    return n;
  };
  const weights: number[] = [];
  let sum = 0;
  sink.write(`{"$schema":"${SCHEMA}","exporter":"nooks86","name":"nooks86","activeProfileIndex":0,\n`);
  sink.write('"profiles":[{"type":"sampled","name":"cycles","unit":"none","startValue":0,"samples":[');
  for (const { names, cycles } of profile.rows()) {
    sink.write(`${weights.length ? ',' : ''}\n${JSON.stringify(names.map(numberOf))}`);
    weights.push(cycles);
    sum += cycles;
  }
  sink.write(`],\n"weights":${JSON.stringify(weights)},"endValue":${sum}}],\n`);
  const frames = [...numbers.keys()].map(name => ({ name }));
  sink.write(`"shared":{"frames":${JSON.stringify(frames)}}}\n`);
}
