/** Replaying a corpus against a subject, and telling what differs, by row of the instruction table. */
import type { Row } from '../../emu/cpu/row.ts';

export interface Mismatch {
  row: string;
  text: string;
}

/** How one kind of vector is compared and shown. */
export interface Judge<V, O> {
  /** The differences between what silicon did and what we did, each as `name expected/actual`. */
  compare: (v: V, row: Row | undefined, silicon: O, ours: O) => string[];
  /** One vector for a person. */
  describe: (v: V) => string;
}

/** Replays the whole corpus on `subject`, which runs a vector from a fresh state; the mismatches in its order. */
export function mismatchesOf<V extends { row: string }, O>(
  corpus: { vectors: readonly V[]; outcomes: readonly O[] },
  rows: readonly Row[],
  subject: (v: V) => O,
  judge: Judge<V, O>,
): Mismatch[] {
  const rowOf = new Map(rows.map(r => [r.enc, r]));
  const mismatches: Mismatch[] = [];
  corpus.vectors.forEach((v, n) => {
    const differences = judge.compare(v, rowOf.get(v.row), corpus.outcomes[n], subject(v));
    if (differences.length === 0) return;
    mismatches.push({
      row: v.row,
      text: `${judge.describe(v)}\n    ${differences.join(', ')} (silicon/ours)`,
    });
  });
  return mismatches;
}

/** Mismatches grouped by row with counts, the first `examples` of each spelled out. */
export function report(mismatches: readonly Mismatch[], rows: readonly Row[], examples = 2): string {
  const groups = new Map<string, Mismatch[]>();
  for (const m of mismatches) groups.set(m.row, [...(groups.get(m.row) ?? []), m]);
  const formOf = new Map(rows.map(r => [r.enc, r.form]));
  return [...groups]
    .map(([row, list]) => {
      const shown = list.slice(0, examples).map(m => `  ${m.text}`);
      return `${row} (${formOf.get(row) ?? row}): ${list.length}\n${shown.join('\n')}`;
    })
    .join('\n');
}
