/** How a stop is told: why, where, in whose code and address space, at which cycle. */
import type { Context } from './command.ts';
import type { Breakpoint, Stop, WatchHit, Watchpoint } from './control.ts';
import { disassemble, lineText } from './disassembly.ts';
import { owner } from './domains.ts';
import type { Target } from './target.ts';
import { cyclesOf, hex8, table } from './text.ts';

/** Bytes of a watched range that are shown. */
const SHOWN = 16;

/** Waits for a run to end and tells how. */
export async function runAndTell(c: Context, run: Promise<Stop>): Promise<void> {
  const stop = await run;
  c.write(reason(c.target, stop));
  const { cr3 } = c.target.machine.cpu;
  if (cr3 !== c.directory) c.write(`CR3 ${hex8(c.directory)} -> ${hex8(cr3)}: now ${owner(c.target, cr3)}\n`);
  c.directory = cr3;
  c.write(position(c.target));
}

function reason(target: Target, stop: Stop): string {
  switch (stop.kind) {
    case 'breakpoint':
      return stop.points.map(p => `breakpoint ${p.id} (${p.text})\n`).join('');
    case 'watch':
      return stop.hits.map(hit => written(target, hit)).join('');
    case 'interrupted':
      return 'interrupted\n';
    case 'limit':
      return 'the cycles are used up\n';
    case 'end':
      return `${stop.text}\n`;
    case 'done':
      return '';
  }
}

function written(target: Target, { point, by, before }: WatchHit): string {
  const who = by === undefined ? 'a device or the page walker' : target.describe(by);
  const bytes = (b: Uint8Array) => value(b.subarray(0, SHOWN));
  return `watchpoint ${point.id} (${point.text}) written by ${who}: ${bytes(before)} -> ${bytes(point.bytes)}\n`;
}

/** Up to four bytes as a number, more as bytes. */
function value(bytes: Uint8Array): string {
  const digits = [...bytes].map(b => b.toString(16).padStart(2, '0'));
  if (digits.length === 0) return 'nothing';
  return bytes.length <= 4 ? `0x${digits.reverse().join('')}` : digits.join(' ');
}

/** Two lines: source, region, directory and clock; then the instruction that comes next. */
export function position(target: Target): string {
  const { machine } = target;
  const pc = target.pc();
  const source = target.sourceAt(pc);
  const region = target.regionAt(pc);
  const facts = [
    ...(region ? [region] : []),
    owner(target, machine.cpu.cr3),
    `cycle ${cyclesOf(machine.clock.now())}`,
    ...(machine.cpu.halted ? ['halted'] : []),
  ];
  const line = disassemble(target, pc);
  const next = line ? lineText(target, line) : `=> ${target.describe(pc)}:  nothing to read\n`;
  return `${source ? `${source}  ` : ''}[${facts.join('; ')}]\n${next}`;
}

export function pointsText(c: Context): string {
  const rows = c.control.points().map(p => [String(p.id), ...describe(c.target, p), p.text, times(p.hits)]);
  return rows.length ? table(rows, [0, 1, 2, 3, 4]) : 'no breakpoints, no watchpoints\n';
}

function describe(target: Target, point: Breakpoint | Watchpoint): [string, string] {
  if (!('length' in point)) return ['breakpoint', target.describe(point.address)];
  const at = point.physical ? `physical ${hex8(point.address)}` : target.describe(point.address);
  return ['watchpoint', `${at}, ${point.length} bytes`];
}

function times(hits: number): string {
  return hits === 1 ? 'hit once' : `hit ${hits} times`;
}
