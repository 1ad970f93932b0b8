/**
 * `xpc`: the chain of crossings that a task is in (nooks/include/nooks/xpc.h), the newest first, with the calls on each
 * side. Where registers lie between the stacks is nooks/xpc.S's affair (nooks_enter_domain, nooks_kernel_call, and
 * nooks_refuse's comment) and kernel/arch/entry.S's (trap_from_domain).
 */

import { type Domain, domains } from '../domains.ts';
import type { Target } from '../target.ts';
import { hex8 } from '../text.ts';
import { type Struct, Structs } from './structs.ts';
import {
  chainOf,
  currentTask,
  framesOf,
  interrupted,
  KSTACK_SIZE,
  nameAt,
  type PlainFrame,
  type Task,
  tasks,
} from './tasks.ts';

/** Calls that are followed; they nest as deep as a kernel stack of 8 KiB lets them. */
const MAX_CROSSINGS = 64;
const PAGE = 0x1000;

/** From where the frame's kernel stack pointer points: nooks_enter_domain's frame is above it … */
const ENTERED = { ebp: 12, eip: 16 };
/** … and below it what nooks_kernel_call and nooks_dispatch have pushed, or trap_from_domain. */
const CALLED = { wrapper: -12, back: -16, ebp: -20 };
const TRAPPED = { regs: -20, back: -24 };
/** On the domain's stack when it calls the kernel: EFLAGS, then the return address. */
const RETURN = 4;
/** Where one side's calls end. */
const BORDERS = new Set(['nooks_enter_domain', 'nooks_kernel_call', 'trap_from_domain']);

/** What runs, or waits, on one side of a border. */
export interface Segment {
  /** undefined: the kernel. */
  domain?: Domain;
  /** What it is doing: `runs`, `called kfree`, `interrupted by trap 0x2b`. */
  state: string;
  /** Lowest address of the stack page or kernel stack. */
  stack: number;
  frames: PlainFrame[];
}

export interface Chain {
  task: Task;
  /** The newest first; kernel and domains by turns. */
  segments: Segment[];
  crossings: number;
  broken: boolean;
}

export function chain(target: Target, task: Task): Chain {
  const structs = Structs.of(target);
  const first = task.struct.number('nooks');
  const { items, more, broken } = structs.chain(first, 'struct xpc_frame', 'prev', MAX_CROSSINGS);
  const all = domains(target);
  const running = task.current ? all.find(d => same(d.cr3, target.machine.cpu.cr3)) : undefined;
  const inside = cut(target, framesOf(target, task));
  const segments: Segment[] = [];
  if (!running) {
    const state = task.current ? 'runs' : task.state;
    segments.push({ state, stack: task.kstack, frames: inside });
  }
  items.forEach((frame, n) => {
    const domain = all.find(d => d.address === frame.number('domain'));
    const runs = n === 0 && running !== undefined;
    const called = runs ? { state: 'runs', frames: inside } : domainSide(target, frame);
    segments.push({ domain, stack: stackOf(frame), ...called });
    segments.push(kernelSide(target, task, frame));
  });
  return { task, segments, crossings: items.length, broken: broken || more };
}

const same = (a: number, b: number) => (a & ~0xfff) === (b & ~0xfff);

function stackOf(frame: Struct): number {
  return frame.to('stack')?.number('base') ?? -1;
}

/** The kernel's calls up to the one into the domain. */
function kernelSide(target: Target, task: Task, frame: Struct): Segment {
  const esp = frame.number('kernel_esp');
  const pc = target.value(esp + ENTERED.eip, 4);
  const ebp = target.value(esp + ENTERED.ebp, 4);
  const known = esp > 0 && pc > 0 && ebp >= 0;
  const list = known ? chainOf(target, pc, ebp, task.kstack, task.kstack + KSTACK_SIZE) : [];
  return { state: 'called the domain', stack: task.kstack, frames: cut(target, list) };
}

/** What a domain that waits was doing when it was left. */
function domainSide(target: Target, frame: Struct): { state: string; frames: PlainFrame[] } {
  const esp = frame.number('kernel_esp');
  const domainEsp = frame.number('domain_esp');
  const stack = stackOf(frame);
  const from = (at: PlainFrame) => cut(target, chainOf(target, at.pc, at.ebp, stack, stack + PAGE));
  if (domainEsp > 0) {
    const pc = target.value(domainEsp + RETURN, 4);
    const ebp = target.value(esp + CALLED.ebp, 4);
    const list = pc > 0 && ebp >= 0 ? from({ pc, ebp }) : [];
    return { state: `called ${wrapperName(target, target.value(esp + CALLED.wrapper, 4))}`, frames: list };
  }
  const back = target.value(esp + TRAPPED.back, 4);
  const before =
    nameAt(target, back) === 'trap_from_domain'
      ? interrupted(target, target.value(esp + TRAPPED.regs, 4))
      : undefined;
  if (before)
    return { state: `interrupted by ${before.border}`, frames: from({ pc: before.pc, ebp: before.ebp }) };
  return { state: 'is being entered or left', frames: [] };
}

function wrapperName(target: Target, at: number): string {
  if (at <= 0) return '?';
  const name = Structs.of(target).at('struct nooks_wrapper', at).text('name');
  return /^\w+$/.test(name) ? name : '?';
}

/** Up to the border to the other side. */
function cut(target: Target, list: PlainFrame[]): PlainFrame[] {
  const end = list.findIndex(f => BORDERS.has(nameAt(target, target.linked(f.pc)) ?? ''));
  return end < 0 ? list : list.slice(0, end);
}

/** Of the current task; `all`: of each that is in a domain. */
export function xpcText(target: Target, all = false): string {
  if (!Structs.of(target).ours) return 'no crossings: this guest has no domains that are known\n';
  const current = currentTask(target);
  if (!current) return 'no task runs\n';
  if (!all) return chainText(target, chain(target, current));
  const { tasks: list, broken } = tasks(target);
  const inside = list.map(t => chain(target, t)).filter(c => c.crossings > 0 || c.broken);
  const end = broken ? 'the list of tasks is broken\n' : '';
  return (inside.map(c => chainText(target, c)).join('') || 'no task is in a domain\n') + end;
}

function chainText(target: Target, { task, segments, crossings, broken }: Chain): string {
  const count = crossings === 1 ? '1 crossing' : `${crossings} crossings`;
  const lines = [`task ${task.pid} (${task.name}): ${crossings === 0 ? 'in no domain' : count}`];
  for (const s of crossings === 0 ? [] : segments) {
    const who = s.domain
      ? `domain ${s.domain.id} (${s.domain.name})`
      : s.stack === task.kstack
        ? 'the kernel'
        : 'no domain';
    lines.push(`  ${who} ${s.state}, stack ${s.stack < 0 ? '?' : hex8(s.stack)}`);
    for (const f of s.frames) {
      if (f.border) lines.push(`      -- ${f.border} --`);
      const source = target.sourceAt(f === s.frames[0] || f.border ? f.pc : f.pc - 1);
      lines.push(`      ${hex8(f.pc)} ${target.symbolAt(f.pc) ?? '??'}${source ? ` at ${source}` : ''}`);
    }
  }
  if (broken) lines.push('  the chain is broken here');
  return lines.map(line => `${line}\n`).join('');
}
