/** Asks a program for its version. */
import { execFile } from 'node:child_process';

/** Milliseconds after which a program that was asked for its version is taken for hung. */
const LIMIT = 20_000;

/** What `pattern` finds (its first group) in what the program prints, or why there is nothing. Never rejects. */
export function askVersion(
  file: string,
  args: string[],
  pattern: RegExp,
): Promise<{ version: string } | { missing: string }> {
  return new Promise(resolve => {
    // Bochs says its version with its usage, and fails.
    execFile(file, args, { timeout: LIMIT, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      const found = pattern.exec(stdout + stderr);
      if (found) resolve({ version: found[1] });
      else if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT')
        resolve({ missing: `no ${file} on the path` });
      else resolve({ missing: `${file} does not say its version` });
    });
  });
}
