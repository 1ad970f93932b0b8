/** The comparison as text for a terminal, or as Markdown for docs/performance.md: the same tables. */
import { geometricMean, MEAN } from '../speed/guests.ts';
import { type Rows, three } from '../text-table.ts';
import { type Comparison, FLAT, FULL } from './compare.ts';
import { ratioOf, secondsOf, targetsOf } from './targets.ts';

const NONE = '–';
const ratio = (r: number | undefined) => (r === undefined ? NONE : three(r));

/** `host` names the processor and Node. */
export function renderComparison(c: Comparison, host: string, table: (rows: Rows) => string): string {
  const parts = [header(c, host), table(peerRows(c)), SECONDS, table(timeRows(c))];
  for (const mine of [FULL, FLAT].filter(name => ran(c).includes(name)))
    parts.push(`Times as fast as each peer, \`${mine}\`, compiled:`, table(ratioRows(c, mine)));
  parts.push('Targets:', table(targetRows(c)), ...failures(c));
  return `${parts.join('\n\n')}\n`;
}

const SECONDS =
  'Seconds from BEGIN to RESULT, and in brackets million guest instructions a second, by our exact count of the guest’s instructions (a REP is one):';

function header(c: Comparison, host: string): string {
  const size = c.shift === 0 ? 'whole' : `iterations / 2^${c.shift}`;
  const clock = c.clock === 'wall' ? 'time on the wall' : 'processor time of all threads';
  const rounds = c.rounds === 1 ? 'one round' : `medians of ${c.rounds} rounds, interleaved`;
  return `${host}; guests by ${c.compiler}, ${size}; ${rounds}; ${clock}; caches of ${c.profile}; checksums right`;
}

/** The peers that are there, in their order. */
const ran = (c: Comparison) => c.peers.filter(p => p.version !== undefined).map(p => p.name);

function peerRows(c: Comparison): Rows {
  return [
    ['peer', 'version', 'what it models'],
    ...c.peers.map(p => [p.name, p.version ?? `not run: ${p.missing}`, p.what]),
  ];
}

function timeRows(c: Comparison): Rows {
  const cell = (guest: string, peer: string) => {
    const seconds = secondsOf(c, guest, peer);
    if (seconds === undefined) return NONE;
    const count = c.instructions[guest];
    const mips = count === undefined ? '' : ` (${three(count / seconds / 1e6)})`;
    return seconds.toFixed(3) + mips;
  };
  const count = (guest: string) => c.instructions[guest]?.toLocaleString('en-US') ?? NONE;
  return [
    ['peer', ...c.guests],
    ['instructions', ...c.guests.map(count)],
    ...ran(c).map(peer => [peer, ...c.guests.map(guest => cell(guest, peer))]),
  ];
}

function ratioRows(c: Comparison, mine: string): Rows {
  const whole = MEAN.every(guest => c.guests.includes(guest));
  const mean = (peer: string) => {
    const ratios = MEAN.map(guest => ratioOf(c, guest, mine, peer)).filter(r => r !== undefined);
    return ratios.length === MEAN.length ? geometricMean(ratios) : undefined;
  };
  return [
    ['peer', ...c.guests, ...(whole ? [`mean of ${MEAN.join(', ')}`] : [])],
    ...ran(c)
      .filter(peer => peer !== mine)
      .map(peer => [
        peer,
        ...c.guests.map(guest => ratio(ratioOf(c, guest, mine, peer))),
        ...(whole ? [ratio(mean(peer))] : []),
      ]),
  ];
}

function targetRows(c: Comparison): Rows {
  return [
    ['speed of', 'against', 'at least', 'measured', 'reached'],
    ...targetsOf(c).map(t => [
      t.what,
      t.against,
      String(t.wanted),
      ratio(t.ratio),
      t.ratio === undefined ? 'not measured' : t.ratio >= t.wanted ? 'yes' : 'no',
    ]),
  ];
}

const failures = (c: Comparison) =>
  c.cells.flatMap(cell =>
    cell.failed === undefined ? [] : [`${cell.guest} on ${cell.peer}: ${cell.failed}`],
  );
