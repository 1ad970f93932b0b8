/** A table for a terminal or, the same, for a page: columns of figures stand to the right. */
import Table from 'cli-table3';

/** Rows of cells, the first of them the heads. */
export type Rows = string[][];

/** A column of figures, by its first cell below the head. */
const figures = (rows: Rows, column: number) => /^[\d–-]/.test(rows[1]?.[column] ?? '');

/** For a terminal. */
export function textTable(all: Rows): string {
  const [head, ...rows] = all;
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: head.map((_, n) => (figures(all, n) ? 'right' : 'left')),
  });
  table.push(...rows);
  return table.toString();
}

/** For a page, in Markdown. */
export function markdownTable(all: Rows): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const [head, ...rows] = all.map(line);
  return [head, line(all[0].map((_, n) => (figures(all, n) ? '--:' : '---'))), ...rows].join('\n');
}

/** Three figures. */
export const three = (v: number) => (v >= 100 ? v.toFixed(0) : v.toPrecision(3));
