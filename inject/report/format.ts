/** Numbers and foreign text as people read them. */

/** Four figures; a thousand and more as a whole number with separators. */
export function figure(v: number): string {
  if (!Number.isFinite(v)) return v > 0 ? '∞' : '–';
  if (v === 0) return '0';
  if (Math.abs(v) >= 1e9 || Math.abs(v) < 1e-3) return v.toExponential(2).replace(/\.?0+e\+?/, 'e');
  if (Math.abs(v) >= 1000) return Math.round(v).toLocaleString('en-US');
  return String(Number(v.toPrecision(4)));
}

/** Never rounded to 100 or 0 unless it is. */
export const percent = (share: number) => `${oneDigit(share)} %`;

/** An interval's ends. */
export function percentRange(low: number, high: number): string {
  return `${oneDigit(low)}–${oneDigit(high)} %`;
}

function oneDigit(share: number): string {
  const text = (share * 100).toFixed(1);
  if (share < 1 && text === '100.0') return '>99.9';
  if (share > 0 && text === '0.0') return '<0.1';
  return text;
}

const UNITS: readonly [seconds: number, name: string][] = [
  [365.2425 * 86_400, 'years'],
  [86_400, 'days'],
  [3600, 'hours'],
  [60, 'minutes'],
  [1, 'seconds'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
];

/** In the largest unit that it fills, three figures: `3.65 days`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'never';
  if (seconds === 0) return '0 seconds';
  const [unit, name] = UNITS.find(([s]) => seconds >= s) ?? UNITS[UNITS.length - 1];
  const value = seconds / unit;
  const shown = value >= 1000 ? figure(value) : String(Number(value.toPrecision(3)));
  return `${shown} ${shown === '1' && unit >= 1 ? name.slice(0, -1) : name}`;
}

const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/gu;

/**
 * Text from a guest or a file on one line of at most `most` characters: control characters, escape sequences' starts,
 * and marks that turn the direction of writing become dots.
 */
export function plain(text: string, most = 100): string {
  const line = [
    ...String(text)
      .slice(0, most * 4)
      .replace(UNSEEN, '·'),
  ];
  return line.length > most ? `${line.slice(0, most - 1).join('')}…` : line.join('');
}
