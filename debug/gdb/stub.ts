/**
 * What a connection to gdb is about: the debugger, and what gdb has said so far. Packets (packets.ts) work on it.
 */
import type { Debugger } from '../debugger.ts';
import { CommandError } from '../error.ts';
import type { Stop } from '../model.ts';
import type { Target } from '../target.ts';
import { hexOf } from './framing.ts';
import { runningThread, type Thread, threads } from './threads.ts';

/** What is served, by whoever opened the port. */
export interface Served {
  debugger: Debugger;
  /** Does a line of our own language; what it says goes to `write`. */
  execute(line: string, write: (text: string) => void): Promise<void>;
  /** `quit` was given. */
  done(): boolean;
  /** Ends a run when set: the debugger's pause looks at it. */
  interrupt: { wanted: boolean };
  /** Cycles that a run may take; no limit when absent. */
  limit?: number;
  /** The ELF file that was booted, for gdb to read symbols from. */
  file: string | undefined;
  /** The file that framesElf made, if it is somewhere on the disk. */
  frames?: string;
}

/** gdb's kinds of breakpoints and watchpoints: the digit of Z and z. */
export type PointType = 0 | 1 | 2 | 3 | 4;

/** One that gdb has inserted. */
export interface Inserted {
  type: PointType;
  address: number;
  /** Ours (Point.id). */
  id: number;
}

/** Features of qSupported that change what we answer. */
export type Feature = 'swbreak' | 'hwbreak';

export class Stub {
  readonly served: Served;
  readonly target: Target;
  /** Sends text to gdb's console; only while gdb waits for a stop or for a command's answer. */
  readonly console: (text: string) => void;
  /** By type, address and length, as gdb names them. */
  readonly inserted = new Map<string, Inserted>();
  readonly features = new Set<Feature>();
  /** No more `+` and `-`. */
  acknowledges = true;
  /** Ours (Point.id) that stops where the list of modules changes, once gdb has asked for it. */
  libraryPoint: number | undefined;
  /** How the connection is to end, once the answer is out. */
  ending: 'detached' | 'killed' | undefined;
  /** Why the guest stands, for `?`. */
  last: Stop = { kind: 'done' };
  /** Threads that qsThreadInfo has yet to tell of. */
  untold: number[] = [];
  /** Registers and memory are this one's (Hg); 0: of the one that runs. */
  private selected = 0;

  constructor(served: Served, send: (packet: string) => void) {
    this.served = served;
    this.target = served.debugger.target;
    this.console = text => {
      for (let at = 0; at < text.length; at += CONSOLE_CHUNK)
        send(`O${hexOf(text.slice(at, at + CONSOLE_CHUNK))}`);
    };
  }

  /** The thread that registers and memory are asked of. */
  thread(): Thread {
    const all = threads(this.target);
    const running = all.find(t => t.saved === undefined) ?? all[0];
    return all.find(t => t.id === this.selected) ?? running;
  }

  /** Throws a CommandError if there is none. */
  select(id: number): void {
    this.selected = id > 0 ? this.existing(id).id : 0;
  }

  /** The guest has run: gdb begins with the thread that it is told of. */
  hasRun(): void {
    this.selected = 0;
  }

  existing(id: number): Thread {
    const found = threads(this.target).find(t => t.id === id);
    if (!found) throw new CommandError(`no thread ${id}`);
    return found;
  }

  running(): number {
    return runningThread(this.target);
  }
}

/** Characters of one O packet: up to four bytes, eight digits each. */
const CONSOLE_CHUNK = 1024;
