/** Which frame of the chain of calls the user looks at: chosen by its level, and forgotten when the guest moves. */
import { CommandError } from './error.ts';
import type { SourceFrame } from './model.ts';
import type { Source } from './source/source.ts';

/** Frames that can be chosen. */
const DEEPEST = 128;

export class Selection {
  private readonly source: Source;
  private chosen: { level: number; moment: string } | undefined;

  constructor(source: Source) {
    this.source = source;
  }

  level(): number {
    return this.chosen?.moment === this.moment() ? this.chosen.level : 0;
  }

  /** The chosen frame; undefined while that is the innermost. */
  frame(): SourceFrame | undefined {
    const level = this.level();
    return level === 0 ? undefined : this.source.frames(level + 1)[level];
  }

  /** Throws a CommandError where there is no such frame. */
  select(level: number): SourceFrame {
    const frame = level < 0 || level >= DEEPEST ? undefined : this.source.frames(level + 1)[level];
    if (!frame) throw new CommandError(level < 0 ? 'this is the innermost frame' : `no frame ${level}`);
    this.chosen = { level, moment: this.moment() };
    this.source.focus = frame;
    return frame;
  }

  /** Differs when the guest has run. */
  moment(): string {
    const { machine } = this.source.target;
    return `${machine.clock.now()} ${machine.cpu.instructions} ${machine.cpu.deliveries}`;
  }
}
