/**
 * A file that is there whole or not at all: it is written under another name beside its own, and renamed when it is
 * done. A pipe or a device is written as it is. Errors are UsageErrors of one line.
 */
import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { UsageError } from './context.ts';

/** Bytes gathered before they are written. */
const CHUNK = 1 << 18;

export class OutputFile {
  readonly path: string;
  private readonly temporary: string | undefined;
  private descriptor: number | undefined;
  private chunks: Buffer[] = [];
  private gathered = 0;

  /** Throws a UsageError when it cannot be made. */
  constructor(path: string) {
    this.path = path;
    const status = statSync(path, { throwIfNoEntry: false });
    if (status?.isDirectory()) throw new UsageError(`cannot write ${path}: it is a directory`);
    this.temporary = !status || status.isFile() ? `${path}.${process.pid}.part` : undefined;
    this.attempt(() => {
      this.descriptor = openSync(this.temporary ?? path, 'w');
    });
  }

  write(data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data);
    this.chunks.push(bytes);
    this.gathered += bytes.length;
    if (this.gathered >= CHUNK) this.flush();
  }

  /** Writes out the rest and gives the file its name. */
  commit(): void {
    this.flush();
    this.attempt(() => {
      this.close();
      if (this.temporary !== undefined) renameSync(this.temporary, this.path);
    });
  }

  /** Leaves nothing behind. After commit() or again: does nothing. */
  discard(): void {
    if (this.descriptor === undefined) return;
    this.chunks = [];
    try {
      this.close();
    } finally {
      if (this.temporary !== undefined) rmSync(this.temporary, { force: true });
    }
  }

  private flush(): void {
    const bytes = Buffer.concat(this.chunks);
    this.chunks = [];
    this.gathered = 0;
    this.attempt(() => {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.descriptor!, bytes, done);
    });
  }

  private close(): void {
    const descriptor = this.descriptor;
    this.descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }

  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw new UsageError(`cannot write ${this.path} (${(error as NodeJS.ErrnoException).code ?? error})`);
    }
  }
}
