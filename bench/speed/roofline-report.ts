/** The roofline as a table: what each part of compiled code costs of the whole, and how near the roof the whole is. */
import { CHECKS } from '../../emu/cpu/jit/layout.ts';
import { type Rows, textTable, three } from '../text-table.ts';
import { type GuestRoofline, PARTS, type Roofline } from './roofline.ts';

/** Parts, in shares of the run with all of them; below 0 only by noise. */
export function sharesOf({ full, without, bare }: GuestRoofline) {
  const parts = CHECKS.map(check => (full - without[check]) / full);
  return { parts, all: (full - bare) / full, reached: bare / full };
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

export function renderRoofline(r: Roofline, table: (rows: Rows) => string = textTable): string {
  const mips = (g: GuestRoofline, seconds: number) => three(g.instructions / seconds / 1e6);
  const shares = r.guests.map(sharesOf);
  const rows: Rows = [
    ['', ...r.guests.map(g => g.name)],
    ['all checks, MIPS', ...r.guests.map(g => mips(g, g.full))],
    ...CHECKS.map((check, n) => [PARTS[check], ...shares.map(s => percent(s.parts[n]))]),
    ['all of them', ...shares.map(s => percent(s.all))],
    ['no checks (the roof), MIPS', ...r.guests.map(g => mips(g, g.bare))],
    ['share of the roof reached', ...shares.map(s => percent(s.reached))],
  ];
  const runs = r.runs === 1 ? 'one run each' : `medians of ${r.runs} runs each`;
  return [
    `profile ${r.profile}, compiled, iterations / 2^${r.shift}, ${runs}; 4 KiB pages, segments of 3 GiB; checksums right`,
    'Processor time saved by leaving a part out of compiled code, of the time with all:',
    table(rows),
  ].join('\n\n');
}
