/**
 * Which rows of the instruction table were carried out to the end by an oracle or a test: on silicon (the corpus),
 * by the system programs that are compared with QEMU and Bochs, or by unit tests, as units.json has it. A row that silicon only refused (#GP for want of
 * privilege) was checked for its refusal there, and must be carried out elsewhere.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { allRows } from '../../emu/cpu/table.ts';
import { CODE, type Corpus, unpackCorpus } from '../silicon/format.ts';
import { unpackCorpus as unpackX87 } from '../silicon/x87/corpus.ts';

const CORPUS = 'test/silicon/corpus';
export const UNITS = 'test/coverage/units.json';
const BP = 3;
const DB = 1;

const UNDEFINED = 'is defined to be #UD, which silicon or a unit test sees';
/** Rows that nothing carries out to the end, by encoding, with the reason. */
export const NAMED: ReadonlyMap<string, string> = new Map([
  ['0F 0B', UNDEFINED],
  ['0F FF /r', UNDEFINED],
  ['0F B9 /r', UNDEFINED],
  ['0F AA', 'RSM is #UD outside system management mode, which is not there'],
]);

export interface Reach {
  enc: string;
  form: string;
  /** Vectors of the corpus, and of them those that ended without a fault. */
  vectors: number;
  completed: number;
  /** Unit test files that carried the row out. */
  units: string[];
}

export const CORPUS_FILES = readdirSync(CORPUS)
  .filter(f => f.endsWith('.bin.gz'))
  .sort();

/** What the report asks of a corpus: the integer rows' and the x87's are of two kinds. */
export interface AnyCorpus {
  cpu: string;
  seed: number;
  vectors: readonly { row: string }[];
  outcomes: readonly { trap: number }[];
}

export const X87_FILE = 'x87/corpus/x87.bin.gz';
export const readX87 = (): AnyCorpus => unpackX87(readFileSync(`test/silicon/${X87_FILE}`), CODE);

export const readCorpora = (): Corpus[] =>
  CORPUS_FILES.map(f => unpackCorpus(readFileSync(`${CORPUS}/${f}`)));

function readUnits(): Record<string, string[]> {
  return existsSync(UNITS) ? JSON.parse(readFileSync(UNITS, 'utf8')) : {};
}

/** Where each row was reached, in the table's order. */
export function reachOf(corpora: readonly AnyCorpus[], units = readUnits()): Reach[] {
  const counts = new Map<string, { vectors: number; completed: number }>();
  for (const { vectors, outcomes } of corpora)
    vectors.forEach((v, n) => {
      const count = counts.get(v.row) ?? { vectors: 0, completed: 0 };
      counts.set(v.row, count);
      count.vectors++;
      if (outcomes[n].trap === BP || outcomes[n].trap === DB) count.completed++;
    });
  return allRows.map(({ enc, form }) => ({
    enc,
    form,
    ...(counts.get(enc) ?? { vectors: 0, completed: 0 }),
    units: units[enc] ?? [],
  }));
}

/** Rows that nothing reached and nobody named. */
export function unreached(reach: readonly Reach[]): Reach[] {
  return reach.filter(r => r.completed === 0 && r.units.length === 0 && !NAMED.has(r.enc));
}

/** The report: what is left, and where the rows were reached. */
export function report(reach: readonly Reach[]): string {
  const onSilicon = reach.filter(r => r.completed > 0).length;
  const byUnits = reach.filter(r => r.completed === 0 && r.units.length > 0);
  const left = unreached(reach);
  return [
    `${reach.length} rows; ${onSilicon} carried out on silicon, ${byUnits.length} by system programs or unit tests, ` +
      `${NAMED.size} named, ${left.length} left`,
    ...[...NAMED].map(([enc, why]) => `named: ${enc}: ${why}`),
    ...left.map(r => `left: ${r.enc} (${r.form})`),
  ].join('\n');
}
