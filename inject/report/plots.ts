/**
 * The report's plots as SVG inside HTML: strings only; scales and paths are d3's. Colours are classes (`c0` …) that the page's
 * style gives for light and dark, and curves differ by their dashes too. Each drawing has a title for those who hear it.
 */
import { scaleBand, scaleLinear, scaleLog } from 'd3-scale';
import { curveStepAfter, line } from 'd3-shape';
import { duration, figure, percent, plain } from './format.ts';
import { OUTCOMES } from './outcomes.ts';
import type { ConfigurationSummary, MatrixRow, Summary } from './summary.ts';
import type { Survival } from './survival.ts';

const WIDTH = 860;
const LEFT = 104;
const RIGHT = 24;
const TOP = 12;
const BOTTOM = 44;
/** Height of a line of the legend. */
const LINE = 18;
const COLOURS = 6;

type Scale = (value: number) => number;
type Point = [number, number];

export const escaped = (text: string) => text.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
const n = (v: number) => String(Math.round(v * 100) / 100);

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${n(x)}" y="${n(y)}" ${attributes}>${escaped(plain(content, 80))}</text>`;
}

function drawing(title: string, says: string, height: number, body: string[]): string {
  const id = title.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return [
    `<figure><figcaption>${escaped(title)}</figcaption>`,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-t ${id}-d">`,
    `<title id="${id}-t">${escaped(title)}</title><desc id="${id}-d">${escaped(says)}</desc>`,
    ...body,
    '</svg></figure>',
  ].join('\n');
}

/** All that the summary has data for. */
export function plotsOf(s: Summary): string[] {
  const survivals = (what: string, of: (c: ConfigurationSummary) => Survival | null) =>
    survivalPlot(s, what, of);
  return [
    outcomePlot(s),
    ...s.configurations.map(heatMap),
    cdfPlot(s, 'first execution → detection', 'Detection latency'),
    cdfPlot(s, 'detection → recovered', 'Recovery time'),
    survivals('Faults not yet executed, by time since the injection', c => c.hidden.execution),
    survivals('Trials without a failure yet, by time since the first execution', c => c.hidden.failure),
    downtimePlot(s),
    ...s.workCurves.map(w => workPlot(s, w)),
  ].filter(plot => plot !== '');
}

// Outcomes

function outcomePlot(s: Summary): string {
  const all = s.configurations.filter(c => c.trials > 0);
  if (all.length === 0) return '';
  const left = 150;
  const legendRows = Math.ceil(OUTCOMES.length / 3);
  const bottom = TOP + all.length * 36;
  const x = scaleLinear([0, 1], [left, WIDTH - RIGHT]);
  const y = scaleBand(
    all.map(c => c.name),
    [TOP, bottom],
  ).padding(0.25);
  const body = all.flatMap(c => {
    let sum = 0;
    const top = y(c.name) ?? 0;
    const parts = OUTCOMES.map((o, i) => {
      const share = c.outcomes[o] / c.trials;
      const from = sum;
      sum += share;
      if (share === 0) return '';
      const says = `${c.name}, ${o}: ${c.outcomes[o]} (${percent(share)})`;
      return `<rect class="o${i}" x="${n(x(from))}" y="${n(top)}" width="${n(x(sum) - x(from))}" height="${n(y.bandwidth())}"><title>${escaped(says)}</title></rect>`;
    });
    return [...parts, text(left - 8, top + y.bandwidth() / 2 + 4, c.name, 'text-anchor="end"')];
  });
  const legend = OUTCOMES.flatMap((o, i) => {
    const at = left + (i % 3) * 235;
    const row = bottom + 40 + Math.floor(i / 3) * LINE;
    return [`<rect class="o${i}" x="${at}" y="${row - 10}" width="12" height="12"/>`, text(at + 18, row, o)];
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(v =>
    text(x(v), bottom + 14, percent(v).replace('.0', ''), 'text-anchor="middle"'),
  );
  const says = all
    .map(c => `${c.name}: ${c.crashes.count} crashes and hangs in ${c.trials} trials`)
    .join('; ');
  return drawing('Outcomes by configuration', says, bottom + 40 + legendRows * LINE, [
    ...body,
    ...ticks,
    ...legend,
  ]);
}

/** Type by outcome, shaded by the share of the row. */
function heatMap(c: ConfigurationSummary): string {
  const rows = c.byType;
  if (rows.length === 0) return '';
  const left = 150;
  const top = 120;
  const size = 22;
  const x = scaleBand(OUTCOMES, [left, WIDTH - RIGHT]).paddingInner(0.04);
  const cell = (r: MatrixRow, row: number) =>
    OUTCOMES.map(o => {
      const count = r.outcomes[o];
      if (count === 0) return '';
      const share = count / r.total;
      const [at, y] = [x(o) ?? 0, top + row * size];
      const ink = share > 0.5 ? 'class="on"' : '';
      const says = `${plain(r.name, 40)}, ${o}: ${count} of ${r.total}`;
      return `<rect class="heat" x="${n(at)}" y="${y}" width="${n(x.bandwidth())}" height="${size - 2}" fill-opacity="${n(0.08 + 0.92 * share)}"><title>${escaped(says)}</title></rect>${text(at + x.bandwidth() / 2, y + 14, String(count), `text-anchor="middle" ${ink}`)}`;
    }).join('');
  const body = [
    ...OUTCOMES.map(o => {
      const at = (x(o) ?? 0) + x.bandwidth() / 2;
      return text(0, 0, o, `transform="translate(${n(at)} ${top - 8}) rotate(-40)" font-size="10"`);
    }),
    ...rows.flatMap((r, i) => [text(left - 8, top + i * size + 14, r.name, 'text-anchor="end"'), cell(r, i)]),
  ];
  return drawing(
    `Fault type executed first and outcome, ${c.name}`,
    `${rows.length} types by ${OUTCOMES.length} outcomes; the table below has the numbers`,
    top + rows.length * size + 10,
    body,
  );
}

// Curves

interface Curve {
  name: string;
  points: Point[];
  /** Its colour, where the same configuration has it in each plot. */
  colour: number;
}

interface Axes {
  title: string;
  says: string;
  x: string;
  y: string;
  /** Only > 0. */
  xRange: [number, number];
  xFormat: (v: number) => string;
  yRange: [number, number];
  yFormat: (v: number) => string;
  yLog?: boolean;
  step?: boolean;
  marks?: { x: number; y: number; name: string }[];
}

/** Curves over a logarithmic axis, legend below. */
function curvePlot(a: Axes, curves: readonly Curve[]): string {
  const base = 320;
  const [low, high] = a.xRange[0] < a.xRange[1] ? a.xRange : [a.xRange[0] / 2, a.xRange[1] * 2];
  const x = scaleLog([low, high], [LEFT, WIDTH - RIGHT]).clamp(true);
  const y = (a.yLog ? scaleLog : scaleLinear)(a.yRange, [base, TOP]).clamp(true);
  const path = line<Point>()
    .digits(2)
    .x(p => x(p[0]))
    .y(p => y(p[1]));
  if (a.step) path.curve(curveStepAfter);
  const body = [
    ...roundValues(low, high, x).flatMap(v => [
      `<path class="grid" d="M${n(x(v))} ${TOP}V${base}"/>`,
      text(x(v), base + 16, a.xFormat(v), 'text-anchor="middle"'),
    ]),
    ...(a.yLog ? roundValues(a.yRange[0], a.yRange[1], v => y(v) * 3) : y.ticks(6)).flatMap(v => [
      `<path class="grid" d="M${LEFT} ${n(y(v))}H${WIDTH - RIGHT}"/>`,
      text(LEFT - 8, y(v) + 4, a.yFormat(v), 'text-anchor="end"'),
    ]),
    `<path class="axis" d="M${LEFT} ${TOP}V${base}H${WIDTH - RIGHT}"/>`,
    text((LEFT + WIDTH - RIGHT) / 2, base + 36, a.x, 'text-anchor="middle"'),
    text(
      0,
      0,
      a.y,
      `transform="translate(14 ${(TOP + base) / 2}) rotate(-90)" text-anchor="middle" font-size="11"`,
    ),
    ...curves.map(
      c =>
        `<path class="curve c${c.colour % COLOURS}" d="${path(c.points) ?? ''}"><title>${escaped(c.name)}</title></path>`,
    ),
    ...(a.marks ?? []).flatMap(m => [
      `<circle class="mark" cx="${n(x(m.x))}" cy="${n(y(m.y))}" r="5"><title>${escaped(m.name)}</title></circle>`,
    ]),
    ...curves.flatMap((c, i) => {
      const row = base + BOTTOM + 14 + i * LINE;
      return [
        `<path class="curve c${c.colour % COLOURS}" d="M${LEFT} ${row - 4}h30"/>`,
        text(LEFT + 38, row, c.name),
      ];
    }),
  ];
  return drawing(a.title, a.says, base + BOTTOM + 14 + curves.length * LINE, body);
}

/** Round values with room for their labels: powers of ten, or finer ones where a range has fewer than two. */
function roundValues(low: number, high: number, at: Scale): number[] {
  for (const steps of [[1], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    const values: number[] = [];
    let last = Number.NaN;
    for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++)
      for (const step of steps) {
        const v = Number(`${step}e${e}`);
        if (v < low || v > high || Math.abs(at(v) - last) < 66) continue;
        last = at(v);
        values.push(v);
      }
    if (values.length > 1) return values;
  }
  return [low, high];
}

const micros = (cycles: number, clockHz: number) => Math.max(1e-3, (cycles / clockHz) * 1e6);
const span = (values: readonly number[]): [number, number] => [Math.min(...values), Math.max(...values)];
const µs = (v: number) => duration(v / 1e6);

function cdfPlot(s: Summary, phase: string, what: string): string {
  const curves = s.configurations.flatMap((c, colour) => {
    const found = c.phases.find(p => p.name === phase);
    if (!found) return [];
    const points = found.curve.map((v, i): Point => [micros(v, s.clockHz), i / 100]);
    return [{ name: `${c.name}, n = ${found.quantiles.count}`, points, colour }];
  });
  if (curves.length === 0) return '';
  const axes: Axes = {
    title: `${what} (${phase})`,
    says: 'Cumulative share by time; the table of phases has the percentiles',
    x: 'time',
    y: 'share not longer',
    xRange: span(curves.flatMap(c => c.points.map(p => p[0]))),
    xFormat: µs,
    yRange: [0, 1],
    yFormat: v => percent(v).replace('.0', ''),
  };
  return curvePlot(axes, curves);
}

function survivalPlot(s: Summary, title: string, of: (c: ConfigurationSummary) => Survival | null): string {
  const curves = s.configurations.flatMap((c, colour) => {
    const v = of(c);
    if (!v || v.steps.length === 0) return [];
    const steps = v.steps.map((p): Point => [micros(p.time, s.clockHz), p.surviving]);
    const points: Point[] = [...steps, [micros(v.watched, s.clockHz), v.surviving]];
    return [{ name: `${c.name}: ${v.events} came, ${v.censored} trials ended first`, points, colour }];
  });
  if (curves.length === 0) return '';
  const xRange = span(curves.flatMap(c => c.points.map(p => p[0])));
  // All wait at the start, which a logarithmic axis does not have: its left end stands for it.
  for (const c of curves) c.points.unshift([xRange[0], 1]);
  const axes: Axes = {
    title,
    says: 'Kaplan–Meier estimate; the table of latent errors has the numbers',
    x: 'time',
    y: 'share',
    xRange,
    xFormat: µs,
    yRange: [0, 1],
    yFormat: v => percent(v).replace('.0', ''),
    step: true,
  };
  return curvePlot(axes, curves);
}

// Availability and break-even

/** Downtime a year over the rate of faults, so that curves near 1 can be told apart. */
function downtimePlot(s: Summary): string {
  const rates = Array.from({ length: 61 }, (_, i) => s.faultRate * 10 ** ((i - 30) / 10));
  const year = 365.2425 * 86_400;
  const curves = s.availability.flatMap(a => {
    const repair = a.repairSecondsPerBundle.value ?? 0;
    if (repair <= 0) return [];
    const load = (r: number) => (r / 3600) * repair;
    const points = rates.map((r): Point => [r, (year * load(r)) / (1 + load(r))]);
    const colour = s.configurations.findIndex(c => c.name === a.configuration);
    return [{ name: a.configuration, points, colour }];
  });
  if (curves.length === 0) return '';
  const axes: Axes = {
    title: 'Downtime a year by the rate of activated fault bundles',
    says: 'Both axes logarithmic; the table of availability has the numbers at the given rate',
    x: 'activated bundles an hour',
    y: 'downtime a year',
    xRange: span(rates),
    xFormat: figure,
    yRange: span(curves.flatMap(c => c.points.map(p => p[1]))),
    yFormat: duration,
    yLog: true,
  };
  return curvePlot(axes, curves);
}

function workPlot(s: Summary, w: Summary['workCurves'][number]): string {
  const curves = w.work.map(c => ({
    name: c.configuration,
    points: c.values.map((v, i): Point => [w.rates[i], v]),
    colour: s.configurations.findIndex(k => k.name === c.configuration),
  }));
  const crossings = s.breakEven.filter(b => b.load === w.load && b.rate.value);
  const marks = crossings.flatMap(b => {
    const at = b.rate.value ?? 0;
    const values = w.work.find(c => c.configuration === b.configuration)?.values ?? [];
    const near = w.rates.findIndex(r => r >= at);
    return near < 0 ? [] : [{ x: at, y: values[near], name: `${b.configuration}: ${figure(at)} an hour` }];
  });
  const axes: Axes = {
    title: `Useful work by the rate of activated fault bundles, ${w.load}`,
    says: marks.length ? `Break-even: ${marks.map(m => m.name).join('; ')}` : 'The curves do not cross',
    x: 'activated bundles an hour',
    y: 'throughput × availability',
    xRange: span(w.rates),
    xFormat: figure,
    yRange: [0, Math.max(1, ...curves.flatMap(c => c.points.map(p => p[1])))],
    yFormat: figure,
    marks,
  };
  return curvePlot(axes, curves);
}
