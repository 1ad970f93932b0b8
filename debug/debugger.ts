/**
 * The debugger as its front ends (prompt, gdb, debug adapter) know it: a target, what stops it, how it runs forwards
 * and backwards, and what the source says of it.
 */
import { Control, type Pause } from './control.ts';
import { History, type HistoryOptions } from './history.ts';
import { Reverse } from './reverse.ts';
import { type ReadSource, Source } from './source/source.ts';
import type { Target } from './target.ts';

export class Debugger {
  readonly target: Target;
  readonly control: Control;
  readonly source: Source;
  readonly history: History;
  readonly reverse: Reverse;

  /** `pause` is called between slices of a run; `readSource` gives the text of files as compiled. */
  constructor(target: Target, pause: Pause, options: HistoryOptions & { readSource?: ReadSource } = {}) {
    this.target = target;
    this.source = new Source(target, options.readSource);
    this.control = new Control(target, pause);
    this.history = new History(target, options);
    this.reverse = new Reverse(target, this.history, this.control.points, pause);
    this.control.onProgress = () => this.history.progress();
  }
}
