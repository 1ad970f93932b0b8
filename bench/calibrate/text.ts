/** Calibration as text: each figure's curves as a chart, and its plateaus as a table beside what others measured. */
import asciichart from 'asciichart';
import Table from 'cli-table3';
import type { Calibration, MeasuredCurve, Plateau } from './calibrate.ts';
import { type Figure, figures } from './figures.ts';

/** Rows of a chart, and columns for each point. */
const HEIGHT = 8;
const COLUMNS = 60;
/** Fewer points are no curve. */
const LEAST = 4;

const percent = (share: number) => `${share >= 0 ? '+' : '−'}${(Math.abs(share) * 100).toFixed(2)} %`;

/** Four figures, no more. */
export function figure4(v: number): string {
  if (v === 0 || Math.abs(v) >= 1000) return Math.round(v).toLocaleString('en-US');
  return String(Number(v.toPrecision(4)));
}

export function renderText(report: Calibration): string {
  const parts = [
    `profile ${report.profile}: measured by programs in the guest with RDTSC; implied by the profile's own figures`,
    ...figures.map(figure => renderFigure(figure, report)),
    verdict(report),
  ];
  return `${parts.join('\n\n')}\n`;
}

function verdict(report: Calibration): string {
  const all = report.curves.reduce((sum, c) => sum + c.plateaus.length, 0);
  const limit = `${report.tolerance * 100} %`;
  if (report.failures.length === 0)
    return `All ${all} plateaus are within ${limit} of what the profile implies.`;
  return `${report.failures.length} of ${all} plateaus are more than ${limit} off: ${report.failures.join(', ')}`;
}

function renderFigure(figure: Figure, report: Calibration): string {
  const curves = report.curves.filter(c => c.figure === figure.name);
  const charts = curves.filter(c => c.points.length >= LEAST).map(c => chart(figure, c));
  return [`== ${figure.title} (${figure.y})`, ...charts, table(figure, curves)].join('\n\n');
}

/** The points in even columns, joined by straight lines; the labels undo the logarithm of the axis. */
function chart(figure: Figure, curve: MeasuredCurve): string {
  const log = figure.yScale === 'log' && curve.points.every(p => p.measured > 0);
  const values = curve.points.map(p => (log ? Math.log2(p.measured) : p.measured));
  const steps = Math.max(1, Math.floor(COLUMNS / values.length));
  const series = values.flatMap((v, i) => {
    const next = values[i + 1] ?? v;
    return Array.from({ length: i + 1 < values.length ? steps : 1 }, (_, k) => v + ((next - v) * k) / steps);
  });
  const flat = Math.max(...series) - Math.min(...series) < 1e-6;
  const label = (v: number) => figure4(log ? 2 ** v : v).padStart(9);
  const drawn = flat
    ? `${label(values[0])} ┼${'─'.repeat(series.length)}`
    : asciichart.plot(series, { height: HEIGHT, format: label });
  const format = figure.format ?? String;
  const ends = [format(curve.points[0].x), format(curve.points[curve.points.length - 1].x)];
  const axis = `${' '.repeat(11)}${ends[0]}${ends[1].padStart(Math.max(0, series.length - ends[0].length))}`;
  return `${curve.title}, against ${figure.x}\n${drawn}\n${axis}`;
}

function table(figure: Figure, curves: readonly MeasuredCurve[]): string {
  const out = new Table({
    head: ['curve', 'plateau', 'from–to', 'measured', 'implied', 'off', 'published'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'left'],
  });
  for (const c of curves) for (const p of c.plateaus) out.push([c.title, ...row(figure, p)]);
  const bare = curves.filter(c => c.plateaus.length === 0).map(c => c.title);
  return `${out.toString()}${bare.length ? `\nNothing to compare: ${bare.join(', ')}` : ''}`;
}

/** A plateau's cells behind its curve's title. */
export function row(figure: Figure, p: Plateau): string[] {
  const format = figure.format ?? String;
  const other = p.published;
  return [
    p.region,
    p.from === p.to ? (p.from === 0 ? '' : format(p.from)) : `${format(p.from)}–${format(p.to)}`,
    figure4(p.measured),
    figure4(p.implied),
    percent(p.off),
    other
      ? `${other.low === other.high ? figure4(other.low) : `${figure4(other.low)}–${figure4(other.high)}`} (${other.source})`
      : '',
  ];
}
