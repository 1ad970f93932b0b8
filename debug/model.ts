/**
 * What the parts of the debugger and its front ends (prompt, gdb, debug adapter) say to each other: plain data. A front
 * end needs this file, `Debugger` (debugger.ts) and nothing of the emulator.
 */

/**
 * A place in the run. `step` counts what `stepi` counts: retired instructions and deliveries of interrupts and faults
 * since reset; it is the same in every run with the same inputs, and no two states that `stepi` stops at share it, but
 * for rounds of one REP instruction and HLT waiting, which `cycles` tells apart.
 */
export interface Position {
  step: number;
  /** Exact quarters. */
  cycles: number;
}

// ---- what stops the guest ------------------------------------------------------------------------------------------

/** What all points have. */
interface PointBase {
  /** From 1; never used again. */
  id: number;
  /** As the user wrote it. */
  text: string;
  enabled: boolean;
  /** Removed when it has stopped the guest. */
  temporary: boolean;
  /** A C expression; the point stops the guest only where it is not 0. One that cannot be evaluated stops, and says so. */
  condition?: string;
  /** Hits to let pass before it stops. */
  ignore: number;
  /** Only under this page directory's owner: a domain's number, 0 for the kernel's own; absent: anywhere. */
  domain?: number;
  /** Hits that counted (condition and domain held), those let pass included. */
  hits: number;
}

export interface Breakpoint extends PointBase {
  kind: 'breakpoint';
  /** Linear, unsigned; none while what `text` names is not loaded (pending). */
  addresses: number[];
}

export type WatchAccess = 'read' | 'write' | 'access' | 'change';

export interface Watchpoint extends PointBase {
  kind: 'watchpoint';
  address: number;
  /** Bytes, 1 to 65,536. */
  length: number;
  /** A physical address, whoever touches it and by whatever linear one; else a linear one in any directory. */
  physical: boolean;
  access: WatchAccess;
  /** The bytes when last seen. */
  bytes: Uint8Array;
}

export const CATCH_EVENTS = [
  'exception',
  'interrupt',
  'syscall',
  'xpc',
  'domain',
  'tlb-miss',
  'tlb-flush',
  'load',
  'unload',
  'recovery',
] as const;
export type CatchEvent = (typeof CATCH_EVENTS)[number];

export interface Catchpoint extends PointBase {
  kind: 'catchpoint';
  event: CatchEvent;
  /** What of it: a vector, a system call's number or name, `in` or `out` for xpc, a module's name; absent: all. */
  filter?: string;
}

export type Point = Breakpoint | Watchpoint | Catchpoint;

/** One point that was met. */
export interface Hit {
  point: Point;
  /** Linear address of the code that did it; undefined for a device or the page walker, and for breakpoints. */
  by?: number;
  /** Watchpoints: the bytes before. */
  before?: Uint8Array;
  /** Watchpoints: a store, not a load. */
  write?: boolean;
  /** Catchpoints: what happened, in words: `#PF (0x2) at f0001d90, address 00000000`. */
  detail?: string;
  /** The condition could not be evaluated, because of this. */
  error?: string;
}

/** Why the guest stands. */
export type Stop =
  /** One or more points were met; after a reverse run, the latest before. */
  | { kind: 'points'; hits: Hit[] }
  /** The wanted place or number of steps was reached. */
  | { kind: 'done' }
  /** Running backwards came to the first moment that is known. */
  | { kind: 'beginning' }
  | { kind: 'interrupted' }
  /** The cycles that the command may run are used up. */
  | { kind: 'limit' }
  /** Nothing can run any more: exit (with its code), triple fault, halted for good. */
  | { kind: 'end'; text: string; code?: number };

// ---- source ------------------------------------------------------------------------------------------------------------

/** A value as the source level knows it. */
export interface Variable {
  name: string;
  /** C's name of its type: `struct sk_buff *`. */
  type: string;
  /** One line, as `print` shows it; `<optimized out>` where it cannot be had. */
  value: string;
  /** Where it lies in memory, if it does. Linear, unsigned. */
  address?: number;
  /** Bytes; 0 where unknown. */
  size: number;
  /** What it consists of (members, elements, what a pointer points to), got when asked for; absent for a scalar. */
  children?: () => Variable[];
  /** Writes a new value, given as a C expression; absent where it cannot be. Throws a CommandError. */
  assign?: (text: string) => void;
}

/** One call of the chain, the innermost first. An inlined function is a frame of its own, with the same registers. */
export interface SourceFrame {
  level: number;
  /** Linear; for callers the return address. */
  pc: number;
  /** EBP in this frame; `esp` is the stack pointer before the frame's own call was made, as far as known. */
  ebp: number;
  esp: number;
  /** Name as symbols have it, `??` when unknown. */
  function: string;
  file?: string;
  line?: number;
  /** Inlined into the frame outside. */
  inlined: boolean;
  /** What lies between this frame and the one inside: `called from a domain`, `trap 0xe`. */
  border?: string;
  /** The code's region, `kernel`, `driver` …; absent where nobody tells regions apart. */
  region?: string;
  arguments: Variable[];
}
