/**
 * One self-contained page, well-formed as XML too: no script, nothing from the network, light or dark as the reader's
 * system says. All text that comes from a guest or a file goes through escaped(plain()).
 */
import { escaped, plotsOf } from './plots.ts';
import type { Summary } from './summary.ts';
import type { TableData } from './tables/cells.ts';

/** Okabe and Ito's colours, lighter on dark ground; outcomes go from calm to grave. */
const STYLE = `
:root { color-scheme: light dark; --ink: #1b1b1b; --ground: #fff; --faint: #dcdcdc; --heat: #0072b2; --on: #fff;
  --c0: #d55e00; --c1: #0072b2; --c2: #009e73; --c3: #cc79a7; --c4: #56b4e9; --c5: #7a6a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --ground: #15181c; --faint: #3a4048; --heat: #56b4e9;
  --on: #111; --c0: #ff8c42; --c1: #6db8ff; --c2: #3ddbab; --c3: #ee9fcb; --c4: #9adcff; --c5: #f0e442; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 72rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem; border-bottom: 1px solid var(--faint);
  white-space: pre-line; }
thead th { border-bottom: 2px solid var(--ink); }
p.note { font-size: .85rem; margin: .3rem 0; opacity: .85; }
figure { margin: 2rem 0; } figcaption { font-weight: 600; margin-bottom: .4rem; }
svg { width: 100%; height: auto; max-width: 60rem; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg text.on { fill: var(--on); }
.grid { stroke: var(--faint); fill: none; } .axis { stroke: var(--ink); fill: none; }
.curve { fill: none; stroke-width: 2; } .mark { fill: none; stroke: var(--ink); stroke-width: 2; }
.heat { fill: var(--heat); }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); stroke-dasharray: 9 3; } .c2 { stroke: var(--c2); stroke-dasharray: 3 3; }
.c3 { stroke: var(--c3); stroke-dasharray: 12 3 3 3; } .c4 { stroke: var(--c4); stroke-dasharray: 6 6; }
.c5 { stroke: var(--c5); stroke-dasharray: 2 5; }
.o0 { fill: #b8b8b8; } .o1 { fill: #d9d9c8; } .o2 { fill: #009e73; } .o3 { fill: #8fd6a8; } .o4 { fill: #f0e442; }
.o5 { fill: #e6b800; } .o6 { fill: #e69f00; } .o7 { fill: #cc79a7; } .o8 { fill: #d55e00; } .o9 { fill: #8c3000; }
.o10 { fill: #6a5acd; }
@media print { body { max-width: none; } }
`;

export function htmlPage(summary: Summary, header: readonly string[], tables: readonly TableData[]): string {
  const plots = plotsOf(summary);
  const title = `Reliability of ${summary.settings.driver.slice(0, 40)}`;
  return [
    '<!DOCTYPE html>',
    '<html xmlns="http://www.w3.org/1999/xhtml" lang="en">',
    '<head>',
    '<meta charset="utf-8"/>',
    '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
    // A second lock on the door: the page asks for nothing, and cannot.
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'"/>',
    `<title>${safe(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1>${safe(title)}</h1>`,
    ...header.map(line => `<p class="note">${safe(line)}</p>`),
    '<main>',
    ...tables.slice(0, 2).map(tableHtml),
    '<section><h2>Plots</h2>',
    ...plots,
    '</section>',
    ...tables.slice(2).map(tableHtml),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/** Keeps line breaks, drops what XML does not allow. */
const safe = (text: string) => escaped(text.replace(/[^\P{C}\n]/gu, '·'));

function tableHtml({ title, head, rows, notes }: TableData): string {
  const cells = (row: readonly string[]) =>
    row.map((c, i) => (i === 0 ? `<th scope="row">${safe(c)}</th>` : `<td>${safe(c)}</td>`)).join('');
  return [
    `<section><h2>${safe(title)}</h2>`,
    '<div class="wide"><table>',
    `<thead><tr>${head.map(h => `<th scope="col">${safe(h)}</th>`).join('')}</tr></thead>`,
    `<tbody>${rows.map(r => `<tr>${cells(r)}</tr>`).join('\n')}</tbody>`,
    '</table></div>',
    ...notes.map(note => `<p class="note">${safe(note)}</p>`),
    '</section>',
  ].join('\n');
}
