/** The paper's table with ours above it, and what was to be reached. */
import { percent, percentRange } from '../format.ts';
import { LEAST_NATIVE_CRASHES } from '../goals.ts';
import { clopperPearson, type Share } from '../intervals.ts';
import { PAPER } from '../paper.ts';
import type { ConfigurationSummary, Pairing, Summary } from '../summary.ts';
import { interval, type TableData, whole } from './cells.ts';

export function paperTable(s: Summary): TableData {
  const native = s.configurations.find(c => !c.isolated);
  const rows: string[][] = [];
  for (const c of s.configurations.filter(c => c.isolated)) {
    const p = s.pairings.find(p => p.configuration === c.name);
    rows.push(
      [
        `system crashes, ${c.name}`,
        nativeCell(native?.crashes),
        countCell(c.crashes),
        ...eliminated(p, 'crash'),
        p?.claimed ? fewer(native?.crashes, c.crashes) : '–',
      ],
      [
        `non-fatal extension failures, ${c.name}`,
        nativeCell(native?.nonFatal),
        countCell(c.nonFatal),
        ...eliminated(p, 'non-fatal'),
        fewer(native?.nonFatal, c.nonFatal),
      ],
    );
  }
  if (rows.length === 0 && native)
    rows.push(
      ['system crashes', nativeCell(native.crashes), '–', '–', '–', '–'],
      ['non-fatal extension failures', nativeCell(native.nonFatal), '–', '–', '–', '–'],
    );
  if (rows.length)
    rows.push(paperRow('system crashes', 'crashes'), paperRow('non-fatal extension failures', 'nonFatal'));
  return {
    title: 'Crashes and failures, as in the paper',
    head: ['', 'native', 'Nooks', 'eliminated', '95 % interval', 'fewer by sums'],
    rows,
    notes: [
      ...s.pairings.map(pairNote),
      ...s.configurations.filter(c => c.isolated).map(harmedNote),
      'Eliminated: of the native ones, those that the same faults did not cause with isolation. Intervals by Clopper and Pearson.',
      `The paper: ${whole(PAPER.trials)} trials on five extensions; its figures are of sums, its interval is ours.`,
    ],
  };
}

const nativeCell = (s: Share | undefined) => (s ? countCell(s) : '–');
const countCell = (s: Share) => `${whole(s.count)} of ${whole(s.of)}`;

function eliminated(p: Pairing | undefined, which: 'crash' | 'non-fatal'): [string, string] {
  if (!p) return ['–', '–'];
  const s = which === 'crash' ? p.crashShare : p.nonFatalShare;
  const counts = `${whole(s.count)} of ${whole(s.of)}`;
  // Too few crashes say nothing in percent, and neither does their interval.
  if (which === 'crash' && !p.claimed) return [`${counts}, not claimed`, '–'];
  return s.share === null ? ['–', '–'] : [`${counts}, ${percent(s.share)}`, interval(s)];
}

/** As the paper does it: new failures of isolated runs count against the native ones. */
function fewer(native: Share | undefined, isolated: Share): string {
  if (!native?.share || isolated.share === null) return '–';
  return percent(1 - isolated.share / native.share);
}

function paperRow(name: string, which: 'crashes' | 'nonFatal'): string[] {
  const { native, nooks } = PAPER[which];
  const [low, high] = clopperPearson(native - nooks, native);
  return [
    `  the paper’s ${name}`,
    `${native} of ${whole(PAPER.trials)}`,
    `${nooks} of ${whole(PAPER.trials)}`,
    `${native - nooks} of ${native}, ${percent((native - nooks) / native)}`,
    percentRange(low, high),
    percent((native - nooks) / native),
  ];
}

/** Whoever calls a harmed application a failure finds its number here. */
function harmedNote(c: ConfigurationSummary): string {
  const { harmed, dead } = c.consequences;
  return (
    `${c.name}: among the non-fatal failures are ${whole(dead)} where the driver’s service was gone at the end. Not among ` +
    `them are ${whole(harmed)} where it came back and an application was harmed.`
  );
}

function pairNote(p: Pairing): string {
  const missing = p.claimed
    ? ''
    : ` Fewer than ${LEAST_NATIVE_CRASHES} native crashes: no percentage is claimed.`;
  const left = p.unclassified > 0 ? `, ${whole(p.unclassified)} more not classified in one and left out` : '';
  return (
    `${p.configuration}: ${whole(p.trials)} trials in both${left}. Crashes that were none natively: ${p.newCrashes}. Non-fatal ` +
    `failures where the native system crashed: ${p.nonFatalWasCrash}, where it had no failure: ${p.newNonFatal}.${missing}`
  );
}

export function goalTable(s: Summary): TableData {
  return {
    title: 'What was to be reached',
    head: ['goal', 'configuration', 'figure', 'reached'],
    rows: s.goals.map(g => [
      g.goal,
      g.configuration,
      g.figure,
      g.met === null ? 'not judged' : g.met ? 'yes' : 'NO',
    ]),
    notes: [],
  };
}
