/** Tasks (kernel/include/linux/sched.h) and where each stands: the stack of one that is switched out is in memory. */
import { frames } from '../backtrace.ts';
import type { Target } from '../target.ts';
import { type Struct, Structs } from './structs.ts';

/** TASK_*. */
const STATES: Readonly<Record<number, string>> = {
  0: 'running',
  1: 'sleeping',
  2: 'sleeping (D)',
  4: 'zombie',
};
export const KSTACK_SIZE = 8192;
const NR_TASKS = 256;

export interface Task {
  struct: Struct;
  pid: number;
  name: string;
  /** It has the CPU. */
  current: boolean;
  state: string;
  cr3: number;
  /** A process with memory of its own, and not a kernel thread. */
  process: boolean;
  /** Lowest address of its kernel stack. */
  kstack: number;
  /** Ticks of 10 ms in ring 3 and ring 0. */
  user: number;
  system: number;
}

/** All tasks, the idle one first; `broken`: the list cannot be followed to its end. */
export function tasks(target: Target): { tasks: Task[]; broken: boolean } {
  const structs = Structs.of(target);
  const head = structs.variable('all_tasks');
  if (!target.paging() || !head || !structs.ours) return { tasks: [], broken: false };
  const current = structs.global('current_task')!.value;
  const list = structs.list(head.address, 'struct task_struct', 'tasks', NR_TASKS);
  const idle = structs.global('idle_task');
  const all = [...(idle ? [structs.at('struct task_struct', idle.address)] : []), ...list.items];
  return { tasks: all.map(t => taskOf(t, current)), broken: list.broken || list.more };
}

export function currentTask(target: Target): Task | undefined {
  const structs = Structs.of(target);
  const at = target.paging() && structs.ours ? structs.global('current_task')!.value : 0;
  return at > 0 ? taskOf(structs.at('struct task_struct', at), at) : undefined;
}

function taskOf(t: Struct, current: number): Task {
  const state = t.number('state');
  const isCurrent = t.address === current;
  return {
    struct: t,
    pid: t.number('pid'),
    name: t.text('comm'),
    current: isCurrent,
    state: state === 0 && !isCurrent ? 'ready' : (STATES[state] ?? '?'),
    cr3: t.number('cr3'),
    process: t.number('mm') > 0,
    kstack: t.number('kstack'),
    user: t.number('utime'),
    system: t.number('stime'),
  };
}

export interface PlainFrame {
  pc: number;
  ebp: number;
  /** What lies between this frame and the one inside it, to be said. */
  border?: string;
}

/** Longest chain that is followed. */
const MAX_FRAMES = 32;

/**
 * Calls by frame pointers, the innermost first: `pc` is within the first, whose frame `ebp` is. It goes on behind a trap
 * that interrupted ring 0, and ends where a frame lies outside [low, high), or below the one inside it.
 */
export function chainOf(target: Target, pc: number, ebp: number, low: number, high: number): PlainFrame[] {
  const found: PlainFrame[] = [{ pc, ebp }];
  while (found.length < MAX_FRAMES && ebp >= low && ebp + 12 <= high) {
    const next = target.value(ebp, 4);
    const back = target.value(ebp + 4, 4);
    if (back <= 0 || next < 0) break;
    found.push({ pc: back, ebp: next });
    const trapped = next === 0 && nameAt(target, back) === 'trap_common';
    const before = trapped ? interrupted(target, target.value(ebp + 8, 4)) : undefined;
    if (before) found.push(before);
    const outer = before?.ebp ?? next;
    if (outer <= ebp) break;
    ebp = outer;
  }
  return found;
}

/** Whom a trap interrupted, by the registers (struct pt_regs) that it saved at `regs`. */
export function interrupted(target: Target, regs: number): PlainFrame | undefined {
  if (regs <= 0) return undefined;
  const r = Structs.of(target).at('struct pt_regs', regs);
  const [pc, ebp, vector] = ['eip', 'ebp', 'orig_eax'].map(field => r.number(field));
  return pc < 0 || ebp < 0 ? undefined : { pc, ebp, border: `trap 0x${vector.toString(16)}` };
}

export function nameAt(target: Target, pc: number): string | undefined {
  return target.symbols.lookup(pc)?.symbol.name;
}

/** switch_to (kernel/arch/entry.S) leaves EDI, ESI, EBX, EBP and its return address at the task's ESP. */
const SWITCHED = { ebp: 12, eip: 16 };

/** Where a task stands: the CPU's own frames for the one that runs. */
export function framesOf(target: Target, task: Task): PlainFrame[] {
  if (task.current) return frames(target).map(({ pc, ebp, border }) => ({ pc, ebp, border }));
  const esp = task.struct.number('esp');
  const high = task.kstack + KSTACK_SIZE;
  if (esp < task.kstack || esp + 20 > high) return [];
  const pc = target.value(esp + SWITCHED.eip, 4);
  const ebp = target.value(esp + SWITCHED.ebp, 4);
  return pc < 0 || ebp < 0 ? [] : chainOf(target, pc, ebp, task.kstack, high);
}

/** Functions that sleep for others: what a task waits in is the first that is none of them. */
const SLEEPERS =
  /^(schedule|context_switch|switch_to|schedule_timeout|.*sleep_on.*|__?down.*|wait_for_.*|yield)$/;

/** The function in which a sleeping task waits, with the offset: `sys_wait4+0x91`; '' for one that runs. */
export function waitChannel(target: Target, task: Task): string {
  if (task.current || task.state === 'zombie') return '';
  for (const { pc } of framesOf(target, task)) {
    const name = target.symbols.lookup(pc)?.symbol.name;
    if (name === undefined) return '?';
    if (!SLEEPERS.test(name)) return target.symbolAt(pc) ?? '?';
  }
  return '?';
}
