/**
 * The results file: SQLite (by node-sqlite3-wasm, which needs no native build), one transaction a batch. Tables:
 *
 *     campaign(settings, shard)     one row: CampaignSettings as JSON; `i/n`, or NULL for a whole campaign
 *     trials(configuration, trial, plan, observation, outcome, hostSeconds)   primary key (configuration, trial)
 *     sessions(id, seconds, workers, trials, instructions, timings)           how fast each run of the command was
 *
 * The package's locks are a directory FILE.lock, which a killed process leaves behind; and since that directory also
 * is what it takes for a writer, it never rolls a hot journal back (nodejsCheckReservedLock). So the file is in WAL
 * mode with exclusive locking: a transaction counts when its last frame is in FILE-wal with the right checksum, and
 * whoever opens the file next finds exactly the finished ones. FILE.pid (lock.ts) says who may write; its holder may
 * remove FILE.lock.
 *
 * Readers never touch the file: they copy it with its WAL to a temporary directory and read that, so that a running
 * campaign can be looked at, and what is not ours, or damaged, stays as it is. A writer looks at a copy first, too.
 */
import { existsSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import sqlite from 'node-sqlite3-wasm';
import type { CampaignSettings, Outcome, TrialRecord } from '../model.ts';
import { CampaignError } from './error.ts';
import { FileLock } from './lock.ts';
import { parseObservation, parsePlan, parseSettings, parseTimings } from './schema.ts';
import { type Snapshot, takeSnapshot } from './snapshot.ts';

/** "NK86", at offset 68 of the file; the format's number is at 60. */
export const APPLICATION_ID = 0x4e4b3836;
export const FORMAT = 1;

const SCHEMA = `
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
  CREATE TABLE campaign (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    settings TEXT NOT NULL,
    shard TEXT
  ) STRICT;
  CREATE TABLE trials (
    configuration TEXT NOT NULL,
    trial INTEGER NOT NULL,
    plan TEXT NOT NULL,
    observation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    hostSeconds REAL NOT NULL,
    PRIMARY KEY (configuration, trial)
  ) STRICT;
  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    seconds REAL NOT NULL,
    workers INTEGER NOT NULL,
    trials INTEGER NOT NULL,
    instructions INTEGER NOT NULL,
    timings TEXT NOT NULL
  ) STRICT;
`;

/** Which part of a campaign a file holds. */
export interface Shard {
  /** 1 to `of`. */
  index: number;
  of: number;
}

export const shardText = (shard: Shard | null) => (shard ? `${shard.index}/${shard.of}` : null);

/** What one run of the command did, for the speed's sake. */
export interface SessionFigures {
  seconds: number;
  workers: number;
  trials: number;
  instructions: number;
  /** Seconds of all workers, by what they did: `warm`, `restore`, `run`, `oracle`, … */
  timings: Record<string, number>;
}

type Row = Record<string, number | bigint | string | Uint8Array | null>;

/** A results file as it was when opened. Close it: its copy takes space. */
export class ResultsReader {
  readonly path: string;
  readonly settings: CampaignSettings;
  readonly shard: Shard | null;
  private readonly snapshot: Snapshot;
  private readonly db: sqlite.Database;

  /** Throws a CampaignError for what is not there, not ours, or damaged. */
  constructor(path: string) {
    this.path = path;
    this.snapshot = takeSnapshot(path, APPLICATION_ID, FORMAT);
    try {
      this.db = open(this.snapshot.path);
      const { settings, shard } = guarded(`${path} is damaged`, () => {
        const check = this.db.get('PRAGMA quick_check(1)') as Row | null;
        if (check?.quick_check !== 'ok') throw new Error(String(check?.quick_check).split('\n').pop());
        const row = this.db.get('SELECT settings, shard FROM campaign') as Row | null;
        if (!row) throw new Error('it holds no campaign');
        return row;
      });
      this.settings = parseSettings(settings, `${path}: its settings`);
      this.shard = parseShard(shard);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    if (this.db?.isOpen) this.db.close();
    this.snapshot.remove();
  }

  /** Outcomes of the finished trials by trialKey. */
  finished(): Map<string, Outcome> {
    const outcomes = new Map<string, Outcome>();
    for (const row of this.rows('SELECT configuration, trial, outcome FROM trials'))
      outcomes.set(trialKey(String(row.configuration), Number(row.trial)), String(row.outcome) as Outcome);
    return outcomes;
  }

  /** All records, by trial. Throws a CampaignError for one that cannot be read. */
  *records(): IterableIterator<TrialRecord> {
    for (const row of this.rows('SELECT * FROM trials ORDER BY trial, configuration'))
      yield this.toRecord(row);
  }

  record(configuration: string, trial: number): TrialRecord | undefined {
    const sql = 'SELECT * FROM trials WHERE configuration = ? AND trial = ?';
    for (const row of this.rows(sql, [configuration, trial])) return this.toRecord(row);
    return undefined;
  }

  sessions(): SessionFigures[] {
    return [...this.rows('SELECT * FROM sessions ORDER BY id')].map(row => ({
      seconds: Number(row.seconds),
      workers: Number(row.workers),
      trials: Number(row.trials),
      instructions: Number(row.instructions),
      timings: parseTimings(row.timings, `${this.path}: session ${row.id}`),
    }));
  }

  private *rows(sql: string, values: (string | number)[] = []): IterableIterator<Row> {
    const what = `${this.path} is damaged`;
    const statement = guarded(what, () => this.db.prepare(sql));
    try {
      const rows = guarded(what, () => statement.iterate(values));
      for (;;) {
        const next = guarded(what, () => rows.next());
        if (next.done) return;
        yield next.value as Row;
      }
    } finally {
      statement.finalize();
    }
  }

  private toRecord(row: Row): TrialRecord {
    const configuration = String(row.configuration);
    const what = `${this.path}: trial ${trialKey(configuration, Number(row.trial))}`;
    return {
      configuration,
      plan: parsePlan(row.plan, what),
      observation: parseObservation(row.observation, what),
      outcome: String(row.outcome) as Outcome,
      hostSeconds: Number(row.hostSeconds),
    };
  }
}

/** The one process that may add to a results file. Close it: that gives the lock back. */
export class ResultsWriter {
  readonly path: string;
  /** Outcomes of what was finished before this writer came, by trialKey. */
  readonly finished: ReadonlyMap<string, Outcome>;
  private readonly lock: FileLock;
  private readonly db: sqlite.Database;
  private session: number | undefined;

  /**
   * Creates the file, or goes on with one of the same settings and shard. Throws a CampaignError, and leaves what is
   * there as it is, if another process writes it, if it is not ours, or if it holds another campaign.
   */
  constructor(path: string, settings: CampaignSettings, shard: Shard | null) {
    this.path = path;
    this.lock = new FileLock(path);
    try {
      if (existsSync(path)) this.finished = checkSame(path, settings, shard);
      else {
        this.finished = new Map();
        createFile(path, settings, shard);
      }
      removeStaleLock(path);
      this.db = openExclusive(path);
    } catch (error) {
      this.lock.release();
      throw error;
    }
  }

  /** Adds a batch and this session's figures so far, both or neither. Throws a CampaignError if it cannot. */
  add(records: readonly TrialRecord[], figures?: SessionFigures): void {
    this.lock.check();
    guarded(`cannot write ${this.path}; what was written before stays`, () => {
      this.db.exec('BEGIN IMMEDIATE');
      try {
        for (const r of records) this.insert(r);
        if (figures) this.putSession(figures);
        this.db.exec('COMMIT');
      } catch (error) {
        if (this.db.inTransaction) this.db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** Adds the figures of a session that is over. */
  addSession(figures: SessionFigures): void {
    this.session = undefined;
    this.add([], figures);
    this.session = undefined;
  }

  close(): void {
    try {
      // A full disk keeps the WAL from going into the file: it stays beside it and loses nothing.
      if (this.db.isOpen) this.db.close();
    } catch {
      removeStaleLock(this.path);
    } finally {
      this.lock.release();
    }
  }

  private insert(r: TrialRecord): void {
    this.db.run(
      'INSERT INTO trials (configuration, trial, plan, observation, outcome, hostSeconds) VALUES (?, ?, ?, ?, ?, ?)',
      [
        r.configuration,
        r.plan.trial,
        JSON.stringify(r.plan),
        JSON.stringify(r.observation),
        r.outcome,
        r.hostSeconds,
      ],
    );
  }

  private putSession(f: SessionFigures): void {
    const { lastInsertRowid } = this.db.run(
      'INSERT OR REPLACE INTO sessions (id, seconds, workers, trials, instructions, timings) VALUES (?, ?, ?, ?, ?, ?)',
      [this.session ?? null, f.seconds, f.workers, f.trials, f.instructions, JSON.stringify(f.timings)],
    );
    this.session = Number(lastInsertRowid);
  }
}

/** What the user calls a trial: `nooks/restart:1317`. */
export function trialKey(configuration: string, trial: number): string {
  return `${configuration}:${trial}`;
}

/** `3/8`. Undefined for what is none. */
export function shardOf(text: string): Shard | undefined {
  const m = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  const shard = m ? { index: Number(m[1]), of: Number(m[2]) } : undefined;
  return shard && shard.index >= 1 && shard.index <= shard.of ? shard : undefined;
}

function parseShard(stored: unknown): Shard | null {
  return typeof stored === 'string' ? (shardOf(stored) ?? null) : null;
}

/** The settings that differ, as `name (old, now new)`; empty if none does. */
export function differences(there: CampaignSettings, here: CampaignSettings): string[] {
  const keys = Object.keys(here) as (keyof CampaignSettings)[];
  return keys
    .map(key => [key, JSON.stringify(there[key]), JSON.stringify(here[key])])
    .filter(([, a, b]) => a !== b)
    .map(([key, a, b]) => `${key} (${a}, now ${b})`);
}

/** What the file has finished, if it is the same campaign. */
function checkSame(path: string, settings: CampaignSettings, shard: Shard | null): Map<string, Outcome> {
  const reader = new ResultsReader(path);
  try {
    const differ = differences(reader.settings, settings);
    const [there, here] = [shardText(reader.shard) ?? 'all', shardText(shard) ?? 'all'];
    if (there !== here) differ.push(`shard (${there}, now ${here})`);
    if (differ.length)
      throw new CampaignError(`${path} holds another campaign; what differs: ${differ.join(', ')}`);
    return reader.finished();
  } finally {
    reader.close();
  }
}

/** Makes an empty results file under another name, so that there is a whole one or none. */
function createFile(path: string, settings: CampaignSettings, shard: Shard | null): void {
  if (existsSync(`${path}-wal`))
    throw new CampaignError(`${path}-wal is left of another file ${path}: remove it, or put the file back`);
  const temporary = `${path}.new`;
  const remove = () => {
    for (const suffix of ['', '-wal', '-journal']) rmSync(temporary + suffix, { force: true });
    removeStaleLock(temporary);
  };
  remove();
  try {
    const db = openExclusive(temporary);
    guarded(`cannot write ${path}`, () => {
      db.exec(SCHEMA);
      db.run('INSERT INTO campaign (id, settings, shard) VALUES (1, ?, ?)', [
        JSON.stringify(settings),
        shardText(shard),
      ]);
      db.close();
    });
    renameSync(temporary, path);
  } catch (error) {
    remove();
    if (error instanceof CampaignError) throw error;
    throw new CampaignError(`cannot write ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** The package's lock of a file whose FILE.pid we hold: nobody can own it. */
function removeStaleLock(path: string): void {
  try {
    rmdirSync(`${path}.lock`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new CampaignError(`${path}.lock cannot be removed (${(error as NodeJS.ErrnoException).code})`);
  }
}

function openExclusive(path: string): sqlite.Database {
  const db = open(path);
  guarded(`cannot write ${path}`, () => {
    const mode = db.get('PRAGMA journal_mode = WAL') as Row | null;
    if (mode?.journal_mode !== 'wal') throw new Error('no write-ahead log');
    // Synced with each batch, so that it outlives a power failure too.
    db.exec('PRAGMA synchronous = FULL');
  });
  return db;
}

/** With exclusive locking from the start, which is what WAL needs where there is no shared memory. */
function open(path: string): sqlite.Database {
  return guarded(`cannot open ${path}`, () => {
    const db = new sqlite.Database(path);
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    return db;
  });
}

/** Runs `action`; what SQLite throws becomes a CampaignError that begins with `what`. */
function guarded<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof CampaignError) throw error;
    throw new CampaignError(`${what}: ${(error as Error).message}`);
  }
}
