/** `ps`: the kernel's tasks, and what each waits for. CPU time is the kernel's own count, in ticks of 10 ms. */
import type { Target } from '../target.ts';
import { hex8, table } from '../text.ts';
import { tasks, waitChannel } from './tasks.ts';

export function psText(target: Target): string {
  const { tasks: all, broken } = tasks(target);
  if (all.length === 0) return 'no tasks\n';
  const number = (n: number) => (n < 0 ? '?' : String(n));
  const at = (n: number) => (n < 0 ? '?' : hex8(n));
  const rows = all.map(t => [
    `${t.current ? '=>' : '  '} ${number(t.pid)}`,
    t.name,
    t.process ? 'process' : 'kernel',
    t.state,
    at(t.kstack),
    at(t.cr3),
    number(t.user),
    number(t.system),
    t.struct.number('nooks') > 0 ? 'in a domain' : '',
    t.current ? `at ${target.symbolAt(target.pc()) ?? hex8(target.pc())}` : waitChannel(target, t),
  ]);
  const heads = ['   pid', 'name', 'kind', 'state', 'stack', 'CR3', 'user', 'system', 'XPC', 'waits in'];
  const end = broken ? 'the list of tasks is broken here\n' : '';
  return table([heads, ...rows], [0, 1, 2, 3, 4, 5, 8, 9]) + end;
}
