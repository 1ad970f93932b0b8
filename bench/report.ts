/** The main job's report as text: the paper's table with ours beside it, then where each cycle of overhead went. */
import Table from 'cli-table3';
import { type Comparison, OTHER_LIMIT, PACED_RATE, type Report, type Row, sumOfParts } from './bench.ts';
import type { WorkloadName } from './workloads.ts';

/** Table 4 of the SOSP'03 paper: XPC/s, relative performance, CPU utilisation native and with Nooks. */
const PAPER: Record<WorkloadName, { xpc: number; relative: number; native: number; nooks: number }> = {
  'receive-stream': { xpc: 8923, relative: 0.92, native: 0.152, nooks: 0.155 },
  'send-stream': { xpc: 60352, relative: 0.91, native: 0.214, nooks: 0.393 },
};
const TITLES: Record<WorkloadName, string> = {
  'send-stream': 'Send-stream',
  'receive-stream': 'Receive-stream',
};
const MESSAGE_MBIT = 32768 * 8e-6;

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const whole = (n: number) => Math.round(n).toLocaleString('en-US');

function plainTable(head: string[]): Table.Table {
  return new Table({
    head,
    style: { head: [], border: [] },
    colAligns: ['left', ...head.slice(1).map(() => 'right' as const)],
  });
}

export function renderReport(report: Report): string {
  const parts = [rowsTable(report.rows)];
  if (report.comparisons.length) parts.push(paperTable(report), ...report.comparisons.map(overheadTable));
  return `${parts.join('\n\n')}\n`;
}

/** What comes before it, and is known before anything has run. */
export function renderHeader(report: Pick<Report, 'profile' | 'seed' | 'guest' | 'append'>): string {
  const mbit = (PACED_RATE * MESSAGE_MBIT).toFixed(0);
  return [
    `profile ${report.profile}, seed ${report.seed}, kernel ${report.guest.kernelSha256.slice(0, 16)}${report.append ? `, kernel options ${report.append}` : ''}`,
    `Streams of 32 KiB UDP messages through 256 KB socket buffers on a 1 Gb/s wire, every byte verified.`,
    `Paced: ${mbit} Mbit/s offered, loss-free. Saturated: the highest loss-free rate. (The paper streams TCP.)`,
    '',
  ]
    .map(line => `${line}\n`)
    .join('');
}

function rowsTable(rows: Row[]): string {
  const table = plainTable([
    'run',
    'Mbit/s',
    'CPU',
    'XPC/s',
    'deferred',
    'TLB misses',
    'of them by switches',
    'copied bytes',
  ]);
  for (const r of rows)
    table.push([
      `${TITLES[r.workload]}, ${r.isolation}, ${r.load}`,
      r.throughput.value.toFixed(1),
      percent(r.cpuUtilization),
      whole(r.xpcPerSecond),
      whole(r.xpc.deferred),
      whole(r.tlb.instructionMisses + r.tlb.dataMisses),
      whole(r.tlb.switchMisses),
      whole(r.copiedBytes),
    ]);
  return table.toString();
}

function paperTable(report: Report): string {
  const table = plainTable([
    'workload (extension e1000)',
    'XPC/s',
    'relative performance',
    'CPU native',
    'CPU Nooks',
  ]);
  const lines: string[] = [];
  for (const c of report.comparisons) {
    const paper = PAPER[c.workload];
    const row = report.rows.find(
      r => r.workload === c.workload && r.isolation === 'nooks' && r.load === 'paced',
    );
    table.push(
      [
        TITLES[c.workload],
        whole(row?.xpcPerSecond ?? 0),
        c.relativePerformance.toFixed(2),
        percent(c.cpuNative),
        percent(c.cpuNooks),
      ],
      [
        '  the paper’s',
        whole(paper.xpc),
        paper.relative.toFixed(2),
        percent(paper.native),
        percent(paper.nooks),
      ],
    );
    const ratio = c.cpuNative / paper.native;
    lines.push(
      `${TITLES[c.workload]}: native CPU utilisation is ${ratio.toFixed(2)} times the paper’s${explain(ratio)}.`,
    );
  }
  return [table.toString(), ...lines].join('\n');
}

function explain(ratio: number): string {
  if (ratio >= 0.5 && ratio <= 2) return '';
  return ratio > 2
    ? ', because our in-order model overlaps no miss with work and our driver interrupts as its ITR says'
    : ', because UDP acknowledges nothing and the paper’s rate in Mbit/s is not known';
}

function overheadTable(c: Comparison): string {
  const { newCode, slowerCode, tlbParts, totalCycles } = c.overhead;
  const table = plainTable([`${TITLES[c.workload]}: overhead of isolation`, 'cycles a packet', 'share']);
  const push = (name: string, cycles: number) =>
    table.push([name, (cycles / c.packets).toFixed(2), percent(totalCycles ? cycles / totalCycles : 0)]);
  push('new code: wrappers', newCode.wrappers);
  push('new code: object tracking', newCode.tracker);
  push('new code: XPC with the page-table change', newCode.xpc);
  push('new code: copying', newCode.copy);
  push('slower code: TLB', slowerCode.tlb);
  if (tlbParts) {
    push('    misses after switches', tlbParts.switchMisses);
    push('    pages no longer global', tlbParts.nonGlobalPages);
    push('    more pages touched', tlbParts.morePages);
  }
  push('slower code: caches', slowerCode.cache);
  push('slower code: path', slowerCode.path);
  push('other', slowerCode.other);
  push('total', totalCycles);
  const exact = sumOfParts(c) === totalCycles ? 'The parts add up exactly' : 'THE PARTS DO NOT ADD UP';
  const share = Math.abs(slowerCode.other / totalCycles);
  const other = share > OTHER_LIMIT ? `; OTHER IS ABOVE ${OTHER_LIMIT * 100} %` : '';
  return `${table.toString()}\n${exact}${other}. One crossing costs ${whole(c.cyclesPerXpc)} cycles, all in.`;
}

/** The rows as CSV with a header line; nested values by dotted names. */
export function renderCsv(report: Report): string {
  const flat = (o: object, prefix = ''): [string, unknown][] =>
    Object.entries(o).flatMap(([k, v]) =>
      k === 'matrix'
        ? []
        : v !== null && typeof v === 'object'
          ? flat(v, `${prefix}${k}.`)
          : [[`${prefix}${k}`, v] as [string, unknown]],
    );
  const rows = report.rows.map(r => new Map(flat(r)));
  const names = [...new Set(rows.flatMap(r => [...r.keys()]))];
  return `${[names.join(','), ...rows.map(r => names.map(n => String(r.get(n) ?? '')).join(','))].join('\n')}\n`;
}
