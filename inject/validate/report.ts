/** The result of a validation as text: one row a case, then the sum. */
import Table from 'cli-table3';
import type { Result, Validation, Verdict } from './validate.ts';
import type { Access } from './watch.ts';

const MAX_DAMAGE = 2;

const hex = (n: number) => (n >>> 0).toString(16).padStart(8, '0');

export function renderValidation(v: Validation): string {
  const table = new Table({
    head: ['access', 'verdict', 'stopped by', 'instruction', 'changed of others', 'kernel', 'driver'],
    style: { head: [], border: [] },
  });
  for (const r of v.results) table.push([...row(r)]);
  return `${header(v)}\n\n${table.toString()}\n\n${footer(v)}\n`;
}

function header({ profile, isolation, guest }: Validation): string {
  return [
    `isolation ${isolation}, profile ${profile}, kernel ${guest.kernelSha256.slice(0, 16)}`,
    'Each driver makes one access, on a fresh machine, while e1000 carries a stream. RAM just before the instruction is',
    'compared with RAM just after it, or at the first instruction of its handler: all but the driver’s own pages.',
  ].join('\n');
}

function row(r: Result): string[] {
  const { access } = r;
  return [
    `${r.what}\n  ${r.name}`,
    `${r.ok ? '' : '! '}${r.verdict}`,
    stoppedBy(access),
    access ? `${access.instruction}\n${access.symbol}` : '-',
    changed(access),
    kernel(r),
    driver(r),
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
  const damage = access.damage.map(d => `${d.what}, ${d.bytes} bytes`);
  const lines = damage.slice(0, MAX_DAMAGE);
  if (damage.length > MAX_DAMAGE) lines.push(`and ${damage.length - MAX_DAMAGE} more`);
  if (access.deviceChanged) lines.push('registers of the other card');
  if (access.strayPages.length)
    lines.push(`${access.strayPages.length} pages open: ${hex(access.strayPages[0])}`);
  return lines.join('\n') || 'nothing';
}

function kernel({ aftermath, kernelWentOn }: Result): string {
  if (kernelWentOn) return 'went on';
  if (aftermath.end !== 'exit') return aftermath.end;
  const { during, sent, received } = aftermath.streams;
  const broken = [!during && 'during', !sent && 'sent', !received && 'received'].filter(Boolean);
  return `stream broken: ${broken.join(', ')}`;
}

function driver({ access, driverWorks, aftermath }: Result): string {
  if (driverWorks) return access?.stop ? 'came back' : 'runs on';
  return aftermath.inits > 1 ? 'came back, not up' : 'gone';
}

function footer({ results, ok }: Validation): string {
  const order: Verdict[] = ['stopped', 'confined', 'allowed', 'refused', 'got through', 'not reached'];
  const counts = order
    .map(verdict => [results.filter(r => r.verdict === verdict).length, verdict] as const)
    .filter(([n]) => n > 0)
    .map(([n, verdict]) => `${n} ${verdict}`);
  const died = results.filter(r => !r.kernelWentOn).length;
  const verdict = ok ? 'All as it should be' : 'NOT as it should be (rows with !)';
  return `${results.length} accesses: ${counts.join(', ')}; the kernel went on after ${results.length - died}. ${verdict}.`;
}
