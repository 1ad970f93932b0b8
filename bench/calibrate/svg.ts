/**
 * Calibration as SVG, a file for each figure: measured curves as lines with dots, what the profile implies as wide
 * pale segments below them, what others measured as hatched bars. Strings only; scales and paths are d3's.
 */
import { scaleLinear, scaleLog, scalePoint } from 'd3-scale';
import { line } from 'd3-shape';
import type { Calibration, MeasuredCurve, Plateau } from './calibrate.ts';
import { type Figure, figures } from './figures.ts';
import { figure4 } from './text.ts';

const WIDTH = 820;
const HEIGHT = 460;
const LEFT = 78;
const RIGHT = 210;
const TOP = 44;
const BOTTOM = 56;
/** Distinct for most colour-blind readers (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#000000'];

/** Anything that maps a value to a coordinate. */
type Scale = (value: number) => number;

const n = (v: number) => String(Math.round(v * 100) / 100);
const escaped = (text: string) => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${n(x)}" y="${n(y)}" ${attributes}>${escaped(content)}</text>`;
}

/** One drawing by file name (without directory) for each figure. */
export function renderSvgs(report: Calibration): Map<string, string> {
  return new Map(
    figures.map(figure => {
      const curves = report.curves.filter(c => c.figure === figure.name);
      const single = curves.every(c => c.points.length === 1);
      const body = single ? drawDots(figure, curves) : drawCurves(figure, curves);
      return [`${figure.name}.svg`, page(`${figure.title}: ${report.profile}`, body)];
    }),
  );
}

function page(title: string, body: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V5" stroke="#777" stroke-width="1.4"/></pattern></defs>',
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(LEFT, 24, title, 'font-size="15" font-weight="bold"'),
    ...body,
    '</svg>\n',
  ].join('\n');
}

/** The range of all that is drawn. */
function extent(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

function verticalScale(figure: Figure, curves: readonly MeasuredCurve[]): { scale: Scale; ticks: number[] } {
  const values = curves.flatMap(c => [
    ...c.points.flatMap(p => [p.measured, ...(p.implied === null ? [] : [p.implied])]),
    ...c.plateaus.flatMap(p => (p.published ? [p.published.low, p.published.high] : [])),
  ]);
  const range = [HEIGHT - BOTTOM, TOP];
  const [low, high] = extent(values);
  if (figure.yScale === 'log' && low > 0) {
    const scale = scaleLog([low / 1.3, high * 1.3], range);
    return { scale, ticks: thin(scale.ticks(), scale) };
  }
  const scale = scaleLinear([Math.min(0, low), high > 0 ? high * 1.08 : 1], range);
  return { scale, ticks: scale.ticks(8) };
}

/** Leaves out ticks whose labels would touch: a logarithmic axis gives many; 1, 2 and 5 go first. */
function thin(ticks: readonly number[], scale: Scale): number[] {
  const rank = (v: number) => [1, 5, 2].indexOf(Math.round(v / 10 ** Math.floor(Math.log10(v) + 1e-9)));
  const kept: number[] = [];
  for (const wanted of [0, 1, 2])
    for (const v of ticks)
      if (rank(v) === wanted && kept.every(k => Math.abs(scale(k) - scale(v)) > 16)) kept.push(v);
  return kept.sort((a, b) => a - b);
}

function verticalAxis(figure: Figure, scale: Scale, ticks: readonly number[]): string[] {
  const right = WIDTH - RIGHT;
  return [
    ...ticks.flatMap(v => [
      `<path d="M${LEFT} ${n(scale(v))}H${right}" stroke="#e4e4e4"/>`,
      text(LEFT - 8, scale(v) + 4, figure4(v), 'text-anchor="end"'),
    ]),
    `<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${right}" fill="none" stroke="#333"/>`,
    text(
      0,
      0,
      figure.y,
      `transform="translate(18 ${n((TOP + HEIGHT - BOTTOM) / 2)}) rotate(-90)" text-anchor="middle"`,
    ),
  ];
}

function drawCurves(figure: Figure, all: readonly MeasuredCurve[]): string[] {
  const curves = all.filter(c => c.points.length > 1);
  const apart = all.filter(c => c.points.length === 1);
  const xs = curves.flatMap(c => c.points.map(p => p.x));
  const [low, high] = extent(xs);
  const range = [LEFT + 6, WIDTH - RIGHT - 6];
  const log = figure.xScale === 'log' && low > 0;
  const x: Scale = log ? scaleLog([low, high], range) : scaleLinear([low, high], range);
  const { scale: y, ticks } = verticalScale(figure, all);
  return [
    ...verticalAxis(figure, y, ticks),
    ...horizontalAxis(
      figure,
      [...new Set(xs)].sort((a, b) => a - b),
      x,
      log,
    ),
    ...curves.flatMap((c, i) => publishedBars(c, x, y, i)),
    ...curves.flatMap((c, i) => [impliedSegments(c, x, y, i), measuredLine(c, x, y, i)]),
    ...legend([
      ...curves.map((c, i) => ({ title: c.title, colour: COLOURS[i % COLOURS.length] })),
      ...apart.map(c => ({ title: `${c.title}: ${figure4(c.points[0].measured)}`, colour: '#777' })),
    ]),
  ];
}

function horizontalAxis(figure: Figure, xs: readonly number[], x: Scale, log: boolean): string[] {
  const format = figure.format ?? String;
  const base = HEIGHT - BOTTOM;
  const candidates = log ? xs.filter(v => Number.isInteger(Math.log2(v))) : xs;
  let last = Number.NEGATIVE_INFINITY;
  const ticks = candidates.filter(v => {
    if (x(v) - last < 34) return false;
    last = x(v);
    return true;
  });
  return [
    ...ticks.flatMap(v => [
      `<path d="M${n(x(v))} ${base}v5" stroke="#333"/>`,
      text(x(v), base + 18, format(v), 'text-anchor="middle"'),
    ]),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, figure.x, 'text-anchor="middle"'),
  ];
}

function measuredLine(c: MeasuredCurve, x: Scale, y: Scale, i: number): string {
  const colour = COLOURS[i % COLOURS.length];
  const at = c.points.map(p => [x(p.x), y(p.measured)] as [number, number]);
  const dots = at.map(([cx, cy]) => `<circle cx="${n(cx)}" cy="${n(cy)}" r="2.4"/>`).join('');
  return `<g fill="${colour}"><path d="${line().digits(2)(at)}" fill="none" stroke="${colour}" stroke-width="1.6"/>${dots}</g>`;
}

/** Runs of points that a formula covers, as one path. */
function impliedSegments(c: MeasuredCurve, x: Scale, y: Scale, i: number): string {
  const path = line<{ x: number; implied: number | null }>()
    .digits(2)
    .defined(p => p.implied !== null)
    .x(p => x(p.x))
    .y(p => y(p.implied ?? 0))(c.points);
  const colour = COLOURS[i % COLOURS.length];
  return `<path d="${path ?? ''}" fill="none" stroke="${colour}" stroke-opacity="0.25" stroke-width="8" stroke-linecap="round"/>`;
}

function publishedBars(c: MeasuredCurve, x: Scale, y: Scale, i: number): string[] {
  return c.plateaus
    .filter(p => p.published)
    .map(p => publishedBar(p, Math.min(x(p.from), x(p.to) - 8), x(p.to), y, COLOURS[i % COLOURS.length]));
}

function publishedBar(p: Plateau, from: number, to: number, y: Scale, colour: string): string {
  const { low, high, source } = p.published ?? { low: 0, high: 0, source: '' };
  const top = y(high) - 2;
  const height = Math.max(4, y(low) - y(high) + 4);
  return `<rect x="${n(from)}" y="${n(top)}" width="${n(to - from)}" height="${n(height)}" fill="url(#hatch)" stroke="${colour}" stroke-width="0.8"><title>${escaped(`published: ${figure4(low)}–${figure4(high)} (${source})`)}</title></rect>`;
}

function legend(entries: readonly { title: string; colour: string }[]): string[] {
  const left = WIDTH - RIGHT + 14;
  const key = (k: number, drawn: string, title: string) => [
    drawn.replaceAll('@', n(TOP + 8 + k * 19)),
    text(left + 28, TOP + 12 + k * 19, title, 'font-size="11"'),
  ];
  const lines = entries.flatMap((e, k) =>
    key(k, `<path d="M${left} @h20" stroke="${e.colour}" stroke-width="2.4"/>`, e.title),
  );
  const at = entries.length + 0.6;
  return [
    ...lines,
    ...key(
      at,
      `<path d="M${left} @h20" stroke="#0072b2" stroke-opacity="0.25" stroke-width="8"/>`,
      'implied by the profile',
    ),
    ...key(at + 1, `<path d="M${left} @h20" stroke="url(#hatch)" stroke-width="9"/>`, 'published'),
  ];
}

/** Curves of one point: a row each, cycles to the right. */
function drawDots(figure: Figure, curves: readonly MeasuredCurve[]): string[] {
  const left = 200;
  const range = [left + 10, WIDTH - 110];
  const values = curves.flatMap(c =>
    c.plateaus.flatMap(p => [
      p.measured,
      p.implied,
      p.published?.low ?? p.measured,
      p.published?.high ?? p.measured,
    ]),
  );
  const [low, high] = extent(values);
  const log = low > 0 && high > low;
  const x: Scale & { ticks(count?: number): number[] } = log
    ? scaleLog([low / 1.3, high * 1.3], range)
    : scaleLinear([0, Math.max(1, high)], range);
  const y = scalePoint(
    curves.map(c => c.curve),
    [TOP + 14, HEIGHT - BOTTOM - 14],
  );
  const base = HEIGHT - BOTTOM;
  return [
    ...(log ? thin(x.ticks(), v => x(v) / 2) : x.ticks(5)).flatMap(v => [
      `<path d="M${n(x(v))} ${TOP}V${base}" stroke="#e4e4e4"/>`,
      text(x(v), base + 18, figure4(v), 'text-anchor="middle"'),
    ]),
    `<path d="M${left} ${TOP}V${base}H${WIDTH - 100}" fill="none" stroke="#333"/>`,
    text(
      (left + WIDTH - 100) / 2,
      HEIGHT - 14,
      `${figure.y}: dot measured, ring implied, hatched published`,
      'text-anchor="middle"',
    ),
    ...curves.flatMap(c => {
      const cy = y(c.curve) ?? 0;
      return [
        text(left - 8, cy + 4, c.title, 'text-anchor="end"'),
        ...c.plateaus.flatMap(p => [
          ...(p.published
            ? [
                publishedBar(
                  p,
                  x(p.published.low) - 3,
                  x(p.published.high) + 3,
                  v => (v === p.published?.high ? cy - 5 : cy + 5),
                  '#777',
                ),
              ]
            : []),
          `<circle cx="${n(x(p.implied))}" cy="${n(cy)}" r="6" fill="none" stroke="${COLOURS[0]}" stroke-opacity="0.5" stroke-width="2.5"/>`,
          `<circle cx="${n(x(p.measured))}" cy="${n(cy)}" r="2.6" fill="${COLOURS[0]}"/>`,
          text(WIDTH - 92, cy + 4, figure4(p.measured)),
        ]),
      ];
    }),
  ];
}
