/** How numbers and bits are written in every command's output. */
import { TICKS_PER_CYCLE } from '../emu/clock.ts';

/** Eight hexadecimal digits. */
export function hex8(v: number): string {
  return (v >>> 0).toString(16).padStart(8, '0');
}

/** Cycles of an exact number of ticks: quarters without rounding, thousands separated. */
export function cyclesOf(ticks: number): string {
  const whole = Math.floor(ticks / TICKS_PER_CYCLE);
  const quarters = ticks - whole * TICKS_PER_CYCLE;
  return group(whole) + ['', '.25', '.5', '.75'][quarters];
}

/** `1234567` as `1,234,567`. */
export function group(v: number): string {
  return String(v).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Names of the set bits, highest first; `names` by bit mask. */
export function bitNames(value: number, names: readonly (readonly [mask: number, name: string])[]): string {
  return names
    .filter(([mask]) => (value & mask) !== 0)
    .map(([, name]) => name)
    .join(' ');
}

/** Rows as lines, columns padded to their widest cell; those named in `left` are set left, the others right. */
export function table(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (left.includes(i) ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd();
  return rows.map(row => `${line(row)}\n`).join('');
}
