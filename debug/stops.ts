/** How a stop is told: why, where, in whose code and address space, at which cycle; and how points are listed. */
import type { Context } from './command.ts';
import { disassemble, lineText } from './disassembly.ts';
import { owner } from './domains.ts';
import type { Hit, Point, Stop, Watchpoint } from './model.ts';
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

/** Why the guest stands; nothing for a step or a place that was wanted. */
export function reason(target: Target, stop: Stop): string {
  switch (stop.kind) {
    case 'points':
      return stop.hits.map(hit => hitText(target, hit)).join('');
    case 'beginning':
      return 'no more is known of what was before\n';
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

function hitText(target: Target, hit: Hit): string {
  const { point, detail, error } = hit;
  const name = `${point.temporary ? 'temporary ' : ''}${point.kind} ${point.id} (${point.text})`;
  const doubt =
    error === undefined ? '' : `the condition ${point.condition} could not be worked out: ${error}\n`;
  if (point.kind === 'breakpoint') return `${name}\n${doubt}`;
  if (point.kind === 'catchpoint') return `${name}: ${detail ?? point.event}\n${doubt}`;
  return `${name} ${accessed(target, hit, point)}\n${doubt}`;
}

/** By whom, and the bytes before and now. */
function accessed(target: Target, { by, before, write }: Hit, point: Watchpoint): string {
  const who = by === undefined ? 'a device or the page walker' : target.describe(by);
  const now = point.bytes.subarray(0, SHOWN);
  if (!write) return `read by ${who}: ${value(now)}`;
  return `written by ${who}: ${before ? value(before.subarray(0, SHOWN)) : '?'} -> ${value(now)}`;
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

/** All points, a row each. */
export function pointsText(target: Target, points: readonly Point[]): string {
  if (points.length === 0) return 'no breakpoints, no watchpoints, no catchpoints\n';
  const rows = points.map(p => [
    String(p.id),
    p.kind,
    p.temporary ? 'del' : 'keep',
    p.enabled ? 'y' : 'n',
    placeOf(target, p),
    p.text,
    [...conditions(p), times(p.hits)].join(', '),
  ]);
  return table([['Num', 'Type', 'Disp', 'Enb', 'Address', 'What', ''], ...rows], [0, 1, 2, 3, 4, 5, 6]);
}

/** Where a point stands, as a list shows it. */
export function placeOf(target: Target, point: Point): string {
  if (point.kind === 'catchpoint') return '';
  if (point.kind === 'breakpoint')
    return point.addresses.map(a => target.describe(a)).join(', ') || 'pending';
  const { address, length, physical, access } = point;
  const at = physical ? `physical ${hex8(address)}` : target.describe(address);
  return `${access} of ${at}, ${length} byte${length === 1 ? '' : 's'}`;
}

function conditions({ domain, condition, ignore }: Point): string[] {
  return [
    ...(domain === undefined ? [] : [domain === 0 ? 'only in the kernel' : `only in domain ${domain}`]),
    ...(condition === undefined ? [] : [`only if ${condition}`]),
    ...(ignore === 0 ? [] : [`ignores the next ${ignore}`]),
  ];
}

function times(hits: number): string {
  return hits === 1 ? 'hit once' : `hit ${hits} times`;
}
