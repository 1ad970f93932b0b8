/**
 * A copy of a results file and its write-ahead log in a temporary directory: what a reader reads. The file may be
 * written meanwhile: the log only grows until a checkpoint puts it into the file and begins it anew, so a copy is good
 * if neither the file nor the log's header changed while it was made. If they did, it is made again.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CampaignError } from './error.ts';

export interface Snapshot {
  /** Of the copy. */
  path: string;
  remove(): void;
}

const MAGIC = 'SQLite format 3\0';
const HEADER = 100;
const WAL_HEADER = 32;
const VERSION_AT = 60;
const APPLICATION_AT = 68;
const TRIES = 20;
const PAUSE_MS = 50;

/** Copies a results file of that kind and format. Throws a CampaignError if `path` is none. */
export function takeSnapshot(path: string, applicationId: number, format: number): Snapshot {
  checkHeader(path, applicationId, format);
  const directory = mkdtempSync(join(tmpdir(), 'nooks86-results-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  const copy = join(directory, 'results.db');
  try {
    for (let n = 0; n < TRIES; n++) {
      const before = stateOf(path);
      copyFileSync(path, copy);
      rmSync(`${copy}-wal`, { force: true });
      if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
      if (stateOf(path) === before) return { path: copy, remove };
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  } catch (error) {
    remove();
    const { code } = error as NodeJS.ErrnoException;
    throw new CampaignError(`cannot copy ${path} to ${directory} (${code})`);
  }
  remove();
  throw new CampaignError(`${path} is written too often to be read: try again`);
}

/** What changes whenever the file or the log's beginning does. */
function stateOf(path: string): string {
  const { size, mtimeNs } = statSync(path, { bigint: true });
  const wal = existsSync(`${path}-wal`) ? firstBytes(`${path}-wal`, WAL_HEADER) : '';
  return `${size} ${mtimeNs} ${wal.toString('latin1')}`;
}

function checkHeader(path: string, applicationId: number, format: number): void {
  let header: Buffer;
  try {
    const status = statSync(path);
    if (!status.isFile()) throw new CampaignError(`${path} is not a regular file`);
    header = firstBytes(path, HEADER);
  } catch (error) {
    if (error instanceof CampaignError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new CampaignError(code === 'ENOENT' ? `no such file: ${path}` : `cannot read ${path} (${code})`);
  }
  if (header.length === 0) throw new CampaignError(`${path} is empty: it is no results file`);
  const ours =
    header.length === HEADER &&
    header.toString('latin1', 0, MAGIC.length) === MAGIC &&
    header.readUInt32BE(APPLICATION_AT) === applicationId;
  if (!ours) throw new CampaignError(`${path} is no results file of nooks86`);
  const version = header.readUInt32BE(VERSION_AT);
  if (version !== format)
    throw new CampaignError(`${path} has format ${version}; this nooks86 reads format ${format}`);
}

function firstBytes(path: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const file = openSync(path, 'r');
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, length, 0));
  } finally {
    closeSync(file);
  }
}
