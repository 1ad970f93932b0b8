/**
 * Threads, frames and scopes at a stop. The threads are the guest's tasks; a border that a call crossed (into a domain
 * and out, a trap) is a frame of its own that is only a label.
 */
import { Handles, Scope } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Debugger } from '../debugger.ts';
import { CommandError } from '../error.ts';
import { runningThread, threads } from '../gdb/threads.ts';
import type { SourceFrame, Variable } from '../model.ts';
import { frameArguments, nothing, stackArguments } from './arguments.ts';
import type { Debuggee } from './launch.ts';
import { registersOf, stateOf } from './machine.ts';
import { type Requests, request } from './request.ts';
import type { Adapter } from './session.ts';

const MAX_FRAMES = 256;

/** A row of the call stack: a frame of a thread, or a label between two. */
interface Row {
  thread: number;
  level: number;
  label?: string;
}

export class Stack {
  private readonly adapter: Adapter;
  private readonly debugger: Debugger;
  private readonly rows = new Handles<Row>();
  private readonly cache = new Map<number, SourceFrame[]>();

  constructor(adapter: Adapter, debuggee: Debuggee) {
    this.adapter = adapter;
    this.debugger = debuggee.debugger;
  }

  /** References die, for the guest has moved. */
  forget(): void {
    this.rows.reset();
    this.cache.clear();
  }

  /** What frames hold may have changed; references stay. */
  refresh(): void {
    this.cache.clear();
  }

  // ---- threads -----------------------------------------------------------------------------------------------------------

  threads(): { id: number; name: string }[] {
    return threads(this.debugger.target).map(({ id, name, text }) => ({ id, name: `${name} (${text})` }));
  }

  currentThread(): number {
    return runningThread(this.debugger.target);
  }

  // ---- frames --------------------------------------------------------------------------------------------------------------

  /** The frames of a thread, the innermost first. Throws a CommandError. */
  frames(thread: number): SourceFrame[] {
    let frames = this.cache.get(thread);
    if (!frames) this.cache.set(thread, (frames = this.unwind(thread)));
    return frames;
  }

  private unwind(thread: number): SourceFrame[] {
    if (thread === this.currentThread()) return this.debugger.source.frames(MAX_FRAMES);
    const found = threads(this.debugger.target).find(t => t.id === thread);
    if (!found?.saved) throw new CommandError(`no thread ${thread}`);
    const { eip, esp, ebp } = found.saved;
    return this.debugger.source.framesFrom(eip, esp, ebp, MAX_FRAMES);
  }

  /** The frame that the editor has by an id; undefined for a label. Without an id, the innermost. Throws a CommandError. */
  frame(id: number | undefined): SourceFrame | undefined {
    if (id === undefined) return this.frames(this.currentThread())[0];
    const row = this.rows.get(id);
    if (!row) throw new CommandError(`no frame ${id}: the guest has moved since, perhaps`);
    return row.label === undefined ? this.frames(row.thread)[row.level] : undefined;
  }

  isRunning(id: number): boolean {
    return this.rows.get(id)?.thread === this.currentThread();
  }

  trace(thread: number): DebugProtocol.StackFrame[] {
    return this.frames(thread).flatMap((frame, level) => [
      ...(frame.border === undefined ? [] : [this.label(frame.border, { thread, level })]),
      this.show(frame, { thread, level }),
    ]);
  }

  private label(text: string, row: Row): DebugProtocol.StackFrame {
    const id = this.rows.create({ ...row, label: text });
    return { id, name: `── ${text} ──`, line: 0, column: 0, presentationHint: 'label' };
  }

  private show(frame: SourceFrame, row: Row): DebugProtocol.StackFrame {
    const { sources } = this.adapter.live;
    const known = frame.file !== undefined && frame.line !== undefined;
    const place = known
      ? { source: sources.source(frame.file!), line: frame.line! - this.adapter.client.lineOffset }
      : sources.placeOf(frame.pc);
    const region = frame.region && frame.region !== 'kernel' ? `  [${frame.region}]` : '';
    return {
      id: this.rows.create(row),
      name: `${frame.function}${frame.inlined ? ' (inlined)' : ''}${region}`,
      source: place?.source,
      line: place?.line ?? 0,
      column: place ? 1 - this.adapter.client.columnOffset : 0,
      instructionPointerReference: `0x${frame.pc.toString(16)}`,
    };
  }

  // ---- scopes --------------------------------------------------------------------------------------------------------------

  scopes(id: number): DebugProtocol.Scope[] {
    const frame = this.frame(id);
    if (!frame) return [];
    const again = () => this.frame(id) ?? frame;
    const scopes = [];
    if (frame.arguments.length > 0)
      scopes.push(this.scope('Arguments', 'arguments', () => again().arguments));
    scopes.push(this.scope('Locals', 'locals', () => this.debugger.source.locals(again())));
    const running = this.isRunning(id);
    scopes.push(this.scope('Registers', 'registers', () => registersOf(this.debugger, again(), running)));
    scopes.push(this.scope('Machine', undefined, () => stateOf(this.debugger, again())));
    return scopes;
  }

  private scope(name: string, hint: string | undefined, list: () => Variable[]): DebugProtocol.Scope {
    const { variables } = this.adapter.live;
    const scope: DebugProtocol.Scope = new Scope(
      name,
      variables.reference({ list, variables: hint === 'arguments' || hint === 'locals' }),
    );
    if (hint) scope.presentationHint = hint;
    return scope;
  }
}

export const STACK: Requests = {
  threads: request('launched', nothing, ({ live }) => ({ threads: live.stack.threads() })),

  stackTrace: request('standing', stackArguments, ({ live }, args) => {
    const all = live.stack.trace(args.threadId);
    const from = args.startFrame ?? 0;
    return {
      stackFrames: all.slice(from, args.levels ? from + args.levels : undefined),
      totalFrames: all.length,
    };
  }),

  scopes: request('standing', frameArguments, ({ live }, args) => ({
    scopes: live.stack.scopes(args.frameId),
  })),
};
