/** What the report's tables are made of: the plain form of a table, and cells that several of them have. */
import { percent, percentRange } from '../format.ts';
import type { Share } from '../intervals.ts';

export interface TableData {
  title: string;
  head: string[];
  rows: string[][];
  /** Under the table. */
  notes: string[];
}

/** Makes the command that runs a trial again. */
export type Replay = (configuration: string, trial: number) => string;

export const whole = (n: number) => n.toLocaleString('en-US');

export function interval(s: Share): string {
  return s.low === null || s.high === null ? '–' : percentRange(s.low, s.high);
}

export function shareText(s: Share): string {
  return s.share === null ? '–' : `${percent(s.share)} (${interval(s)})`;
}
