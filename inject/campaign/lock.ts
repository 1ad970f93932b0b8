/**
 * Who may write a results file: one process. The lock is a file beside it, FILE.pid, created exclusively, which says
 * who holds it: process id, host, the host's boot and the process's start, so that neither a crash, a reboot nor a
 * reused id keeps a lock alive. A stale lock is taken over by renaming it away: of two who try, one succeeds.
 *
 * Nothing can be known of a process on another host (a shared directory, a container): its lock is believed, and the
 * message says which file to remove. Only Linux tells a process's start; elsewhere a reused id is believed too.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { CampaignError } from './error.ts';

interface Owner {
  pid: number;
  host: string;
  /** Identity of the host's boot; null where it cannot be known. */
  boot: string | null;
  /** When the process started, in the host's own unit; null where it cannot be known. */
  start: string | null;
}

/** A lock file without content is being written: wait this often, this long. */
const LOOKS = 20;
const LOOK_MS = 25;
/** As often may others take or give up the lock under our eyes. */
const TRIES = 10;

export class FileLock {
  readonly path: string;
  private readonly file: string;
  private readonly text: string;
  private held = false;

  /** Takes the lock of `file`. Throws a CampaignError, with the holder's process id, if another has it. */
  constructor(file: string) {
    this.file = file;
    this.path = `${file}.pid`;
    this.text = JSON.stringify(thisProcess());
    this.take();
  }

  /** Throws a CampaignError if the lock is no longer ours: somebody removed or took it. */
  check(): void {
    if (!this.held || readText(this.path) !== this.text)
      throw new CampaignError(`${this.file}: the lock ${this.path} was taken away; stopped without writing`);
  }

  release(): void {
    if (this.held && readText(this.path) === this.text) rmSync(this.path, { force: true });
    this.held = false;
  }

  private take(): void {
    for (let n = 0; n < TRIES; n++) {
      if (create(this.path, this.text, this.file)) {
        this.held = true;
        return this.check();
      }
      const text = settled(this.path);
      if (text === undefined) continue;
      const owner = ownerOf(text);
      if (owner && isAlive(owner)) throw new CampaignError(`${this.file} ${heldBy(owner, this.path)}`);
      this.removeStale(text);
    }
    throw new CampaignError(`${this.file}: cannot get the lock ${this.path}`);
  }

  /** Renames the lock away and makes sure that it was the stale one. */
  private removeStale(stale: string): void {
    const aside = `${this.path}.stale.${process.pid}`;
    try {
      renameSync(this.path, aside);
    } catch {
      return; // Another was quicker.
    }
    // What we got may be the fresh lock of one who was quicker: give it back. He looks before each write.
    if (readText(aside) !== stale) restore(aside, this.path);
    rmSync(aside, { force: true });
  }
}

/** Creates the lock file with its content; false if there is one. */
function create(path: string, text: string, file: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw new CampaignError(`cannot write beside ${file} (${code})`);
  }
}

function restore(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch {
    // A third took it meanwhile; the owner finds out by check().
  }
}

/** The lock's content; waits while it is empty. Undefined when the lock is gone. */
function settled(path: string): string | undefined {
  let text = readText(path);
  for (let n = 0; n < LOOKS && text === ''; n++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
    text = readText(path);
  }
  return text;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function ownerOf(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Owner;
    return Number.isSafeInteger(owner.pid) && owner.pid > 0 && typeof owner.host === 'string'
      ? owner
      : undefined;
  } catch {
    return undefined;
  }
}

function heldBy(owner: Owner, lock: string): string {
  return owner.host === hostname()
    ? `is being written by process ${owner.pid}`
    : `is being written by process ${owner.pid} on ${owner.host} (if that is gone, remove ${lock})`;
}

/** True unless it is known that the process is gone. */
function isAlive(owner: Owner): boolean {
  const self = thisProcess();
  if (owner.host !== self.host) return true;
  if (owner.boot !== null && self.boot !== null && owner.boot !== self.boot) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const stat = statOf(owner.pid);
  if (!stat) return true;
  return stat.state !== 'Z' && (owner.start === null || owner.start === stat.start);
}

function thisProcess(): Owner {
  const boot = readText('/proc/sys/kernel/random/boot_id')?.trim() ?? null;
  return { pid: process.pid, host: hostname(), boot, start: statOf(process.pid)?.start ?? null };
}

/** State and start time (in clock ticks since the boot) of a process: proc(5). Its name may hold anything. */
function statOf(pid: number): { state: string; start: string } | undefined {
  const fields = readText(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ');
  return fields && fields.length > 19 ? { state: fields[0], start: fields[19] } : undefined;
}
