/**
 * The guest's tasks as threads (kernel/include/linux/sched.h, found by the debug information). One runs; the others
 * stand in switch_to(), their registers on their stacks, and are unwound from there by frame pointers.
 */
import type { Debugger } from '../debugger.ts';
import { CommandError } from '../error.ts';
import type { SourceFrame } from '../model.ts';

export interface Task {
  /** Linear address of its task_struct. */
  at: number;
  pid: number;
  name: string;
  state: string;
}

const MAX_TASKS = 1024;
const COMM_LENGTH = 16;
const STATES: Readonly<Record<number, string>> = { 0: 'runnable', 1: 'sleeping', 2: 'waiting', 4: 'zombie' };
/** What switch_to (kernel/arch/entry.S) leaves on the stack, in bytes from ESP: EDI, ESI, EBX, EBP, return address. */
const SAVED = { ebp: 12, eip: 16, size: 20 };

interface Places {
  pid: number;
  comm: number;
  state: number;
  tasks: number;
  esp: number;
}

/** All tasks, by the kernel's list; none before there is one, or with another kernel. */
export function tasks(d: Debugger): Task[] {
  const { target } = d;
  const head = target.symbols.address('all_tasks');
  const places = head === undefined || !target.paging() ? undefined : placesOf(d);
  if (head === undefined || !places) return [];
  const found: Task[] = [];
  const idle = target.symbols.address('idle_task');
  if (idle !== undefined) found.push(taskAt(d, idle, places));
  for (
    let link = target.value(head, 4);
    link > 0 && link !== head && found.length < MAX_TASKS;
    link = target.value(link, 4)
  ) {
    const at = (link - places.tasks) >>> 0;
    if (at !== idle) found.push(taskAt(d, at, places));
  }
  const current = currentAt(d);
  const running = found.find(task => task.at === current);
  if (!running) return [];
  running.state = 'running';
  return found;
}

/** The task that runs; undefined before there is one. */
export function currentTask(d: Debugger): Task | undefined {
  const current = currentAt(d);
  return tasks(d).find(task => task.at === current);
}

function currentAt({ target }: Debugger): number {
  const pointer = target.symbols.address('current_task');
  return pointer === undefined ? -1 : target.value(pointer, 4);
}

function taskAt(d: Debugger, at: number, places: Places): Task {
  const { target } = d;
  const name = [...target.bytes(at + places.comm, COMM_LENGTH)];
  const end = name.indexOf(0);
  const state = target.value(at + places.state, 4);
  return {
    at,
    pid: Math.max(0, target.value(at + places.pid, 4)),
    name: String.fromCharCode(...name.slice(0, end < 0 ? undefined : end)) || 'idle',
    state: STATES[state] ?? `state ${state}`,
  };
}

function placesOf(d: Debugger): Places | undefined {
  try {
    const layout = d.source.layout('struct task_struct');
    const offset = (field: string) => layout.field(field).offset;
    return {
      pid: offset('pid'),
      comm: offset('comm'),
      state: offset('state'),
      tasks: offset('tasks'),
      esp: offset('esp'),
    };
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/** The calls that a task which does not run is in, the innermost first, without their variables. */
export function framesOf(d: Debugger, task: Task, limit: number): SourceFrame[] {
  const places = placesOf(d);
  const esp = places ? d.target.value(task.at + places.esp, 4) : -1;
  const saved = (offset: number) => (esp < 0 ? -1 : d.target.value(esp + offset, 4));
  const frames: SourceFrame[] = [];
  let at = { pc: saved(SAVED.eip), ebp: saved(SAVED.ebp), esp: esp + SAVED.size };
  while (at.pc > 0 && frames.length < limit) {
    frames.push(frameAt(d, at, frames.length));
    const { ebp } = at;
    // A chain leads towards the stack's beginning, or is none.
    if (ebp < at.esp) break;
    at = { pc: d.target.value(ebp + 4, 4), ebp: d.target.value(ebp, 4), esp: ebp + 8 };
    if (!d.target.symbolAt(at.pc)) break;
  }
  return frames;
}

function frameAt(
  d: Debugger,
  { pc, ebp, esp }: { pc: number; ebp: number; esp: number },
  level: number,
): SourceFrame {
  const line = d.source.lineAt(pc - 1);
  return {
    level,
    pc,
    ebp,
    esp,
    function: d.target.symbols.lookup(pc)?.symbol.name ?? '??',
    ...(line?.line && { file: line.file, line: line.line }),
    inlined: false,
    region: d.target.regionAt(pc),
    arguments: [],
  };
}
