/**
 * The guest's output on its way to the user, who must not see again what he saw before the run went back: a byte is
 * passed on only beyond the furthest that was reached.
 */
import type { HostState } from './target.ts';

export class Once implements HostState {
  private readonly pass: (byte: number) => void;
  private count = 0;
  private furthest = 0;
  private muted = false;

  constructor(pass: (byte: number) => void) {
    this.pass = pass;
  }

  take(byte: number): void {
    this.count++;
    if (this.muted || this.count <= this.furthest) return;
    this.furthest = this.count;
    this.pass(byte);
  }

  save(): unknown {
    return this.count;
  }

  load(state: unknown): void {
    this.count = state as number;
  }

  /** While the past is replayed nothing is passed on. */
  replaying(on: boolean): void {
    this.muted = on;
  }

  /** What comes next is new. */
  forgetFuture(): void {
    this.furthest = this.count;
  }
}
