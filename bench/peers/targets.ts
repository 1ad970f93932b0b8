/** What the comparison is held against: ratios of speeds, ours to a peer's, that are to be reached. */
import { geometricMean, MEAN } from '../speed/guests.ts';
import { type Comparison, FLAT, FULL } from './compare.ts';

export interface Target {
  what: string;
  /** The least ratio. */
  wanted: number;
  /** Absent if one of its runs is missing. */
  ratio?: number;
  /** Which peer it is measured against. */
  against: string;
}

interface Rule {
  what: string;
  wanted: number;
  ours: string;
  /** Against the fastest of them that ran. */
  peers: readonly string[];
  /** Their geometric mean. */
  guests: readonly string[];
}

const FASTEST = ['qemu', 'v86', 'bochs'];
const RULES: readonly Rule[] = [
  { what: `${FULL} : cachegrind`, wanted: 1, ours: FULL, peers: ['cachegrind'], guests: MEAN },
  { what: `${FULL} : QEMU’s cache plugin`, wanted: 3, ours: FULL, peers: ['qemu-cache'], guests: MEAN },
  {
    what: `${FULL} : fastest of QEMU, v86, Bochs`,
    wanted: 2,
    ours: FULL,
    peers: FASTEST,
    guests: ['pgswitch'],
  },
  { what: `${FULL} : fastest of QEMU, v86, Bochs`, wanted: 2, ours: FULL, peers: FASTEST, guests: ['trap'] },
  { what: `${FLAT} : v86, compiled`, wanted: 1, ours: FLAT, peers: ['v86'], guests: MEAN },
];

/** The median of what was measured: the middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median seconds of a guest on a peer; undefined if it did not run in every round. */
export function secondsOf(c: Comparison, guest: string, peer: string): number | undefined {
  const cell = c.cells.find(x => x.guest === guest && x.peer === peer);
  return cell && cell.failed === undefined && cell.seconds.length > 0 ? median(cell.seconds) : undefined;
}

/** How many times as fast as `peer` a guest runs on `ours`. */
export function ratioOf(c: Comparison, guest: string, ours: string, peer: string): number | undefined {
  const mine = secondsOf(c, guest, ours);
  const theirs = secondsOf(c, guest, peer);
  return mine === undefined || theirs === undefined ? undefined : theirs / mine;
}

/** Every target, reached or not. */
export function targetsOf(c: Comparison): Target[] {
  return RULES.map(({ what, wanted, ours, peers, guests }) => {
    const label = { what: `${what}, ${guests.join(', ')}`, wanted };
    const each = peers.flatMap(peer => {
      const ratios = guests.map(guest => ratioOf(c, guest, ours, peer));
      const known = ratios.filter(r => r !== undefined);
      return known.length === guests.length ? [{ peer, ratio: geometricMean(known) }] : [];
    });
    const hardest = each.sort((a, b) => a.ratio - b.ratio).at(0);
    if (!hardest) return { ...label, against: peers.join(', ') };
    return { ...label, ratio: hardest.ratio, against: each.map(e => e.peer).join(', ') };
  });
}
