/**
 * Steps that are more than an instruction, as gdb makes them. A line is left when another one begins, or when its
 * function has returned; a function that is called is run through (`over`), or entered if it has lines (`into`),
 * and stands behind what builds its frame, or at its first instruction if it is in assembly.
 *
 * Two things tell a frame from another of the same code: the stack pointer, and the current task. Interrupts and
 * faults that are delivered on the way are run through. Whatever is run through may never come back (a call into a
 * domain is given up, a task dies): where the callers of the line go on ends it, too.
 *
 * Left out: inlined functions are lines like others.
 */
import type { EventKind } from '../emu/probe.ts';
import type { LineRange } from '../guest/lines.ts';
import { frames } from './backtrace.ts';
import { disassemble } from './disassembly.ts';
import { isAssembly } from './locations.ts';
import type { Stop } from './model.ts';
import type { Target } from './target.ts';

/** A place to run to. */
export interface Goal {
  address: number;
  when(): boolean;
}

/** What does the running (control.ts). `until` is a cycle. */
export interface Runner {
  stepOnce(until: number): Promise<Stop | undefined>;
  runUntil(goals: readonly Goal[], until: number): Promise<{ stop: Stop; goal?: Goal }>;
}

/** `onward`: over calls, and not to an earlier place of the function. */
export type Manner = 'into' | 'over' | 'onward';

/** A call comes back with ESP where it was, or above by the arguments it took off. */
const MAX_POPPED = 4096;
const MAX_PREFIXES = 14;
const PREFIXES = new Set([0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65]);
const CALLS = new Set([0xe8, 0x9a]);
const INTERRUPTS = new Set([0xcc, 0xcd, 0xce, 0xf1]);
const RETURNS = new Set([0xc2, 0xc3, 0xca, 0xcb, 0xcf]);

interface Delivery {
  kind: EventKind;
  returnEip: number;
}

export class Stepper {
  private readonly target: Target;
  private readonly runner: Runner;

  constructor(target: Target, runner: Runner) {
    this.target = target;
    this.runner = runner;
  }

  /** One instruction, and over what it calls or repeats. */
  async nexti(until: number): Promise<Stop | undefined> {
    const { target } = this;
    const line = disassemble(target, target.pc());
    if (!line?.returns) return this.runner.stepOnce(until);
    const back = returning(target, line.address + line.length, target.esp());
    return (await this.runner.runUntil([back, ...this.outer()], until)).stop;
  }

  /** To another line. */
  async line(manner: Manner, until: number): Promise<Stop | undefined> {
    const { target } = this;
    const start = target.lineRange(target.pc());
    const home = target.symbols.lookup(target.linked(target.pc()))?.symbol;
    if (!start && !home) return this.runner.stepOnce(until);
    const from = manner === 'onward' && home && start ? home.start : Number.POSITIVE_INFINITY;
    const outer = this.outer();
    for (;;) {
      const { moved, stop } = await this.move(manner !== 'into', outer, until);
      if (stop) return stop;
      const pc = target.pc();
      const now = target.lineRange(pc);
      if (moved === 'in') return this.enter(now, until);
      if (!start && home && pc >= home.start && pc < home.end) continue;
      if (!now) return { kind: 'done' };
      if (now.line === 0 || (start && now.line === start.line && now.file === start.file)) continue;
      if (start && pc >= from && pc < start.to) continue;
      if (moved === 'out' || (pc === now.from && target.isStatement(pc))) return { kind: 'done' };
    }
  }

  /**
   * One instruction. `in`: it called a function that has lines, which is next; `out`: it returned. Functions without
   * lines are run through, and all functions if `over`.
   */
  private async move(
    over: boolean,
    outer: readonly Goal[],
    until: number,
  ): Promise<{ moved?: 'in' | 'out'; stop?: Stop }> {
    const { target, runner } = this;
    const [pc, esp] = [target.pc(), target.esp()];
    const flow = flowAt(target, pc);
    const behind = flow === 'call' ? (pc + (disassemble(target, pc)?.length ?? 1)) >>> 0 : 0;
    if (flow === 'call' && over) return this.through(returning(target, behind, esp), outer, until);
    const resumed = (address: number): Goal => {
      const task = currentTask(target);
      return { address, when: () => target.esp() === esp && currentTask(target) === task };
    };
    const same = resumed(pc);
    let delivery: Delivery | undefined;
    const end = target.machine.cpu.probes.add({
      delivered: (_, __, kind, returnEip) => {
        delivery ??= { kind, returnEip };
      },
    });
    const base = pc - (target.machine.cpu.eip >>> 0);
    const stop = await runner.stepOnce(until).finally(end);
    if (stop) return { stop };
    const delivered = delivery as Delivery | undefined;
    if (delivered && delivered.kind !== 'software')
      return this.through({ ...same, address: (delivered.returnEip + base) >>> 0 }, outer, until);
    if (flow === 'return') return { moved: 'out' };
    if (flow !== 'call' || target.pc() === behind) return {};
    if (target.lineRange(target.pc())) return { moved: 'in' };
    return this.through(returning(target, behind, esp), outer, until);
  }

  /** Runs until `goal`; where a caller goes on instead, that is the end of the step. */
  private async through(
    goal: Goal,
    outer: readonly Goal[],
    until: number,
  ): Promise<{ moved?: 'out'; stop?: Stop }> {
    if (goal.address === this.target.pc() && goal.when()) return {};
    const { stop, goal: reached } = await this.runner.runUntil([goal, ...outer], until);
    return reached === goal ? {} : { stop };
  }

  /** A function that has lines was called: to where its body begins. */
  private async enter(now: LineRange | undefined, until: number): Promise<Stop | undefined> {
    const { target } = this;
    const [pc, esp, task] = [target.pc(), target.esp(), currentTask(target)];
    const symbol = target.symbols.lookup(target.linked(pc))?.symbol;
    if (!now || !symbol || symbol.start !== target.linked(pc) || isAssembly(target, pc))
      return { kind: 'done' };
    const body = target.bodyOf(symbol.start, symbol.end) - symbol.start + pc;
    if (body === pc) return { kind: 'done' };
    const inside = () => target.esp() <= esp && currentTask(target) === task;
    const back = returning(target, target.value(esp, 4) >>> 0, esp + 4);
    return (await this.runner.runUntil([{ address: body, when: inside }, back], until)).stop;
  }

  /** Where the callers of the running function go on. */
  outer(): Goal[] {
    const list = frames(this.target);
    return list.flatMap((frame, n) =>
      n === 0 || frame.border ? [] : [returning(this.target, frame.pc, list[n - 1].ebp + 8)],
    );
  }
}

/** The return to `address` that leaves ESP at `esp` or a little above, in the task that runs now. */
export function returning(target: Target, address: number, esp: number): Goal {
  const task = currentTask(target);
  return {
    address: address >>> 0,
    when: () => {
      const popped = target.esp() - esp;
      return popped >= 0 && popped < MAX_POPPED && currentTask(target) === task;
    },
  };
}

/** Tells tasks of our kernel apart; always the same without it. */
export function currentTask(target: Target): number {
  const at = target.session?.symbols.address('current_task');
  return at === undefined ? 0 : target.value(at, 4);
}

/** What the instruction at an address does to the flow of control, by its opcode. */
function flowAt(target: Target, address: number): 'call' | 'return' | 'other' {
  let at = address;
  let opcode = target.byte(at);
  for (let n = 0; n < MAX_PREFIXES && PREFIXES.has(opcode); n++) opcode = target.byte(++at >>> 0);
  if (CALLS.has(opcode) || INTERRUPTS.has(opcode)) return 'call';
  if (RETURNS.has(opcode)) return 'return';
  if (opcode !== 0xff) return 'other';
  const extension = (target.byte((at + 1) >>> 0) >> 3) & 7;
  return extension === 2 || extension === 3 ? 'call' : 'other';
}
