/** What the parts of a trace say to each other: where bytes go, and what a format is told while the guest runs. */
import type { EventKind, Straight } from '../../emu/probe.ts';
import type { Frame, Stack } from './stacks.ts';

/** A file, as the command line gives it. Writing may throw; the trace ends then. */
export interface Sink {
  write(text: string): void;
}

/** The same, to be there whole or not at all. */
export interface TraceFile extends Sink {
  /** Writes what is left and gives the file its name. May throw. */
  commit(): void;
  /** Leaves nothing behind. */
  discard(): void;
}

/** A function, or what else is known of the code at an address. */
export interface Place {
  /** First address; the address itself where no symbol is known. */
  start: number;
  name: string;
  /** Index into REGIONS, -1 for code that charges its caller. */
  region: number;
}

/** How the last instruction of straight code goes on. */
export type Exit = 'none' | 'jump' | 'cond' | 'call' | 'ret' | 'iret' | 'int';

export interface Code {
  straight: Straight;
  place: Place;
  exit: Exit;
  /** Linear address of the last instruction, and of the one behind it. */
  last: number;
  behind: number;
  /** RET imm16: what it takes off beside the return address. */
  popped: number;
}

export interface Delivery {
  vector: number;
  /** -1: none was pushed. */
  error: number;
  kind: EventKind;
  /** `#PF`, `IRQ 11`, `syscall write`. */
  name: string;
  /** Linear address to return to. */
  back: number;
  /** It came from ring 3. */
  fromUser: boolean;
}

/** One format. All is told in the order in which it happens; addresses are linear and unsigned. */
export interface Recorder {
  /** Takes no more. */
  readonly full: boolean;
  /** The ticks since the last call were spent in `stack`, in code of `region`. `mode`: `user`, or whose pages it had. */
  spent?(ticks: number, region: number, mode: string, stack: Stack): void;
  /** Straight code comes next. */
  begins?(code: Code, mode: string): void;
  /** A block's last instruction was done in `mode`, and went to `target`. */
  branched?(code: Code, target: number, mode: string): void;
  /** The handler at `target` comes next. */
  delivered?(delivery: Delivery, target: number): void;
  /** A frame begins in `mode`, above `below`. */
  pushed?(frame: Frame, below: Frame | undefined, mode: string): void;
  popped?(frame: Frame): void;
  /** Another task's stack runs; the frames of both stay as they are. */
  switched?(from: Stack, to: Stack): void;
  /** A milestone of a recovery. */
  recovery?(event: string, extension: string, detail: number): void;
  /** Writes what is still to be written. The guest stands. */
  end(): void;
}
