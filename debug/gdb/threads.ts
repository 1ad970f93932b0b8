/**
 * The kernel's tasks as gdb's threads, from the kernel's own list (kernel/include/linux/sched.h), read past TLBs and
 * caches. One of them has the processor; of another the registers are known that switch_to (kernel/arch/entry.S) has
 * put on its stack, and no others. Whatever the list holds is believed to be just numbers, and its length is bounded.
 *
 * Left out: what a process had in its registers in ring 3; its kernel stack is what gdb sees.
 */
import { domains, owner } from '../domains.ts';
import type { Target } from '../target.ts';
import { Structs } from '../views/structs.ts';

/** A task as far as a debugger wants it. */
export interface Thread {
  /** The task's pid; IDLE for the idle task, since 0 means "any" to gdb. */
  id: number;
  name: string;
  /** In words: `sleeping, kernel thread`. */
  text: string;
  /** Where a task that does not run goes on; undefined for the one that has the processor. */
  saved: SavedRegisters | undefined;
  /** Physical address of the page directory that it runs under. */
  directory: number;
}

export type SavedRegisters = Readonly<Record<(typeof SAVED)[number], number>>;

/** What switch_to pushes, lowest address first, and the return address. */
const SWITCH_FRAME = ['edi', 'esi', 'ebx', 'ebp', 'eip'] as const;
const SAVED = [...SWITCH_FRAME, 'esp'] as const;

/** No pid comes near. */
export const IDLE = 0x10000;
/** The one thread of a guest that is not our kernel. Ours boots as what becomes its idle task. */
const PROCESSOR = 1;
const MAX_THREADS = 1024;

const KSTACK_SIZE = 8192;
const STATES: Readonly<Record<number, string>> = {
  0: 'runnable',
  1: 'sleeping',
  2: 'sleeping, uninterruptible',
  4: 'zombie',
};

/** All threads: the idle task first, then by pid. At least one. */
export function threads(target: Target): Thread[] {
  const tasks = taskAddresses(target);
  if (tasks.length === 0) {
    const { cr3 } = target.machine.cpu;
    const id = target.session ? IDLE : PROCESSOR;
    return [{ id, name: 'cpu', text: owner(target, cr3), saved: undefined, directory: cr3 }];
  }
  const running = runningTask(target, tasks);
  return tasks.map((task, n) => thread(target, task, n === 0 ? IDLE : undefined, task === running));
}

/** The thread that has the processor. */
export function runningThread(target: Target): number {
  const tasks = taskAddresses(target);
  if (tasks.length === 0) return target.session ? IDLE : PROCESSOR;
  const running = runningTask(target, tasks);
  return running === tasks[0] ? IDLE : field(target, running, 'pid');
}

/** Addresses of the idle task, then of all others; none before the kernel has turned paging on, or without it. */
function taskAddresses(target: Target): number[] {
  const [idle, list] = ['idle_task', 'all_tasks'].map(name => target.symbols.address(name));
  if (!target.session || !target.paging() || idle === undefined || list === undefined) return [];
  if (!Structs.of(target).ours) return [];
  const link = Structs.of(target).at('struct task_struct', 0).place('tasks');
  const found = [idle];
  let at = target.value(list, 4);
  while (at > 0 && at !== list && found.length < MAX_THREADS) {
    const task = at - link;
    if (!(field(target, task, 'pid') > 0) || found.includes(task)) break;
    found.push(task);
    at = target.value(at, 4);
  }
  return found;
}

/**
 * On whose kernel stack the processor is, else whom the kernel says that it runs (in ring 3, or in a domain); the
 * idle task if that is nobody.
 */
function runningTask(target: Target, tasks: readonly number[]): number {
  const esp = target.esp();
  const holds = (task: number) => {
    const stack = field(target, task, 'kstack');
    return stack > 0 && esp > stack && esp <= stack + KSTACK_SIZE;
  };
  const pointer = target.symbols.address('current_task');
  const current = pointer === undefined ? 0 : target.value(pointer, 4);
  return tasks.find(holds) ?? tasks.find(task => task === current) ?? tasks[0];
}

function thread(target: Target, task: number, id: number | undefined, runs: boolean): Thread {
  const of = (name: string) => field(target, task, name);
  const { cr3 } = target.machine.cpu;
  const process = of('mm') > 0;
  const state = STATES[of('state')] ?? 'in no state that the kernel knows';
  const words = [
    runs ? 'running' : state,
    process ? 'process' : 'kernel thread',
    ...(runs && domains(target).some(d => d.cr3 === cr3) ? [`in ${owner(target, cr3)}`] : []),
  ];
  return {
    id: id ?? of('pid'),
    name: nameOf(target, task),
    text: words.join(', '),
    saved: runs ? undefined : savedRegisters(target, of('esp')),
    // A kernel thread borrows whatever is loaded; what it had may be gone.
    directory: process && !runs ? of('cr3') : cr3,
  };
}

/** Of unreadable stacks all is 0. */
function savedRegisters(target: Target, esp: number): SavedRegisters {
  const saved = Object.fromEntries(
    SWITCH_FRAME.map((name, n) => [name, Math.max(0, target.value((esp + 4 * n) >>> 0, 4))]),
  );
  return { ...saved, esp: (esp + 4 * SWITCH_FRAME.length) >>> 0 } as SavedRegisters;
}

function field(target: Target, task: number, name: string): number {
  return Structs.of(target).at('struct task_struct', task).number(name);
}

function nameOf(target: Target, task: number): string {
  return Structs.of(target).at('struct task_struct', task).text('comm');
}
