/**
 * Branches and instructions as text, a line each, columns parted by two blanks or more.
 *
 * Branches: `CYCLES  MODE  KIND  FROM -> TO`, then `not taken`, and `mispredicted`. CYCLES are those since reset when it
 * was done. Deliveries have the event's name as KIND and come from the instruction that they return to.
 *
 * Instructions: `CYCLES  MODE  ADDRESS <SYMBOL>  BYTES  TEXT`. CYCLES are those before it. What was delivered stands
 * between: `CYCLES  MODE  -- #PF --`. An instruction that faults stands before its fault; a repeated string
 * instruction once for each 64 rounds.
 */
import type { EventKind, Straight } from '../../emu/probe.ts';
import { disassemble } from '../disassembly.ts';
import type { Target } from '../target.ts';
import { hex8 } from '../text.ts';
import { eventName } from './events.ts';
import type { Names } from './names.ts';
import type { Code, Delivery, Recorder, Sink } from './recorder.ts';

const USER_RING = 3;
const SYMBOL_CACHE = 1 << 16;

/** What both have: lines up to a number of them. */
class Lines {
  full = false;
  private left: number;
  private readonly sink: Sink;
  private readonly target: Target;
  private readonly names: Names;
  private readonly described = new Map<number, string>();

  constructor(target: Target, names: Names, sink: Sink, most: number) {
    this.target = target;
    this.names = names;
    this.sink = sink;
    this.left = most;
  }

  write(mode: string, text: string): void {
    if (this.full) return;
    this.sink.write(`${this.target.machine.cycles().toFixed(2)}  ${mode}  ${text}\n`);
    if (--this.left === 0) this.full = true;
  }

  /** `c0100000 <name+0x3>`. */
  place(lin: number): string {
    let text = this.described.get(lin);
    if (text === undefined) {
      if (this.described.size >= SYMBOL_CACHE) this.described.clear();
      const name = this.names.describe(lin);
      text = name === hex8(lin) ? name : `${hex8(lin)} <${name}>`;
      this.described.set(lin, text);
    }
    return text;
  }

  forget(): void {
    this.described.clear();
  }
}

export class BranchRecorder implements Recorder {
  private readonly lines: Lines;
  private readonly target: Target;
  private misses = 0;

  constructor(target: Target, names: Names, sink: Sink, most: number) {
    this.target = target;
    this.lines = new Lines(target, names, sink, most);
  }

  get full(): boolean {
    return this.lines.full;
  }

  begins(): void {
    this.misses = this.target.machine.cpu.predictor.misses;
  }

  branched(code: Code, target: number, mode: string): void {
    const { insns } = code.straight;
    const kind = insns[insns.length - 1].row.form.split(' ', 1)[0].toLowerCase();
    const missed = this.target.machine.cpu.predictor.misses > this.misses ? '  mispredicted' : '';
    const taken = code.exit === 'cond' && target === code.behind ? '  not taken' : '';
    this.lines.write(
      mode,
      `${kind}  ${this.lines.place(code.last)} -> ${this.lines.place(target)}${taken}${missed}`,
    );
  }

  delivered({ name, back }: Delivery, target: number): void {
    // Where the program goes back to may be another one's address by now.
    this.lines.forget();
    this.lines.write('kernel', `${name}  ${this.lines.place(back)} -> ${this.lines.place(target)}`);
  }

  end(): void {}
}

/** Listens on its own, for it wants each instruction. */
export class InstructionRecorder implements Recorder {
  private readonly lines: Lines;
  private readonly target: Target;
  private readonly names: Names;
  private readonly remove: () => void;

  constructor(target: Target, names: Names, sink: Sink, most: number) {
    this.target = target;
    this.names = names;
    this.lines = new Lines(target, names, sink, most);
    this.remove = target.machine.cpu.probes.add({
      singly: true,
      begins: (straight: Straight) => this.instruction(straight),
      delivered: (vector: number, _error: number, kind: EventKind) => this.event(vector, kind),
    });
  }

  get full(): boolean {
    return this.lines.full;
  }

  end(): void {
    this.remove();
  }

  private mode(): string {
    return this.target.machine.cpu.cpl === USER_RING ? 'user' : this.names.owner();
  }

  private instruction({ lin, insns }: Straight): void {
    if (this.full) return;
    const length = insns[0].next - insns[0].eip;
    const bytes = [...this.target.bytes(lin >>> 0, length)]
      .map(b => b.toString(16).padStart(2, '0'))
      .join('');
    const text = disassemble(this.target, lin)?.text ?? '(nothing to read)';
    this.lines.write(this.mode(), `${this.lines.place(lin >>> 0)}  ${bytes.padEnd(14)}  ${text}`);
  }

  private event(vector: number, kind: EventKind): void {
    this.lines.forget();
    this.lines.write(this.mode(), `-- ${eventName(vector, kind, this.target)} --`);
  }
}
