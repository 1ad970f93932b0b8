/** The result of a validation as text: one row a case, then the sum. */
import Table from 'cli-table3';
import type { Result } from './run.ts';
import type { Isolation } from './trial.ts';
import type { Outcome } from './verdict.ts';
import type { Access } from './watch.ts';

const MAX_DAMAGE = 2;

const hex = (n: number) => (n >>> 0).toString(16).padStart(8, '0');

/** 0: everything was stopped that had to be, and the kernel went on each time. */
export function exitCode(results: readonly Result[]): number {
  return results.every(r => r.verdict.good) ? 0 : 1;
}

export function renderResults(results: readonly Result[], isolation: Isolation): string {
  const table = new Table({
    head: ['access', 'verdict', 'stopped by', 'instruction', 'changed of others', 'kernel', 'driver'],
    style: { head: [], border: [] },
  });
  for (const r of results) table.push(row(r));
  return `${HEADER}\n\n${table.toString()}\n\n${footer(results, isolation)}\n`;
}

const HEADER = [
  'Each driver makes one access, on a fresh machine, while e1000 carries a stream. RAM just before the instruction is',
  'compared with RAM just after it, or at the first instruction of its handler: all but the driver’s own pages.',
].join('\n');

function row(result: Result): string[] {
  const { which, verdict } = result;
  const { access } = result.trial;
  return [
    `${which.what}\n  ${which.name}`,
    `${verdict.good ? '' : '! '}${verdict.outcome}`,
    stoppedBy(access),
    access ? `${access.instruction}\n${access.symbol}` : '-',
    changed(access),
    kernel(result),
    driver(result),
  ];
}

function stoppedBy(access: Access | null): string {
  if (!access) return '-';
  const { stop } = access;
  if (!stop) return `nothing\naddress ${hex(access.address)}`;
  const code = stop.errorCode < 0 ? '' : ` (${stop.errorCode})`;
  return `${stop.name}${code}\naddress ${hex(stop.address ?? access.address)}`;
}

function changed(access: Access | null): string {
  if (!access) return '-';
  const damage = access.damage.map(d => `${d.what}, ${d.bytes} ${d.bytes === 1 ? 'byte' : 'bytes'}`);
  const lines = damage.slice(0, MAX_DAMAGE);
  if (damage.length > MAX_DAMAGE) lines.push(`and ${damage.length - MAX_DAMAGE} more`);
  if (access.deviceChanged) lines.push('registers of the other card');
  if (access.strayPages.length)
    lines.push(`${access.strayPages.length} pages open: ${hex(access.strayPages[0])}`);
  return lines.join('\n') || 'nothing';
}

function kernel({ trial: { aftermath }, verdict }: Result): string {
  if (verdict.kernelWentOn) return 'went on';
  if (aftermath.end !== 'exit') return aftermath.end;
  const { during, sent, received } = aftermath.streams;
  const broken = [!during && 'during', !sent && 'sent', !received && 'received'].filter(Boolean);
  return `stream broken: ${broken.join(', ')}`;
}

function driver({ trial: { access, aftermath }, verdict }: Result): string {
  if (verdict.driverThere) return access?.stop ? 'came back' : 'runs on';
  return aftermath.inits > 1 ? 'came back, not up' : 'gone';
}

const OUTCOMES: readonly Outcome[] = [
  'stopped',
  'confined',
  'allowed',
  'refused',
  'got through',
  'not reached',
];

function footer(results: readonly Result[], isolation: Isolation): string {
  const counts = OUTCOMES.map(o => [results.filter(r => r.verdict.outcome === o).length, o] as const)
    .filter(([n]) => n > 0)
    .map(([n, outcome]) => `${n} ${outcome}`);
  const alive = results.filter(r => r.verdict.kernelWentOn).length;
  const sum = exitCode(results) === 0 ? 'All as it should be.' : 'Not as it should be (see !).';
  return `Isolation ${isolation}, ${results.length} accesses: ${counts.join(', ')}; the kernel went on after ${alive}. ${sum}`;
}
