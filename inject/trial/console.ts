/** The guest's console: lines, cut to a bound, and what of them a trial keeps. */
import type { Saved } from '../../emu/bus.ts';

const LINE_LENGTH = 160;
const KEPT = 60;

export class Console implements Saved {
  /** The last lines. */
  lines: string[] = [];
  private line = '';
  private readonly onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.onLine = onLine;
  }

  /** What is not printable shows as a dot. */
  take(byte: number): void {
    if (byte === 0x0d) return;
    if (byte === 0x0a) {
      this.end();
      return;
    }
    if (this.line.length < LINE_LENGTH)
      this.line += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  }

  /** The last lines with the one that has begun. */
  text(): string[] {
    return this.line ? [...this.lines, this.line] : this.lines.slice();
  }

  /** As after construction, but for a line that has begun. */
  forgetLines(): void {
    this.lines = [];
  }

  save(): unknown {
    return { line: this.line, lines: this.lines.slice() };
  }

  load(state: unknown): void {
    const saved = state as { line: string; lines: string[] };
    this.line = saved.line;
    this.lines = saved.lines.slice();
  }

  private end(): void {
    const { line } = this;
    this.line = '';
    this.lines.push(line);
    if (this.lines.length > KEPT) this.lines.shift();
    this.onLine(line);
  }
}
