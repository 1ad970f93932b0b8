/** Directories on the host that results are written into. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { GuestError } from './error.ts';

/**
 * Makes a directory, and those above it, unless it is there. Throws a GuestError, one line, if it cannot be. Step by
 * step, because Node's own recursive mkdir never ends where the parent takes no directories but says ENOENT (/proc).
 */
export function makeDirectory(path: string): void {
  const whole = resolve(path);
  if (isDirectory(whole)) return;
  const parent = dirname(whole);
  if (parent !== whole) makeDirectory(parent);
  try {
    mkdirSync(whole);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another process may have been quicker.
    if (code === 'EEXIST' && isDirectory(whole)) return;
    throw new GuestError(
      code === 'EEXIST' ? `${whole} is not a directory` : `cannot make ${whole} (${code})`,
    );
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
