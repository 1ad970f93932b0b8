/** Source files for the debugger: by their names in debug information, only below one directory, and only text. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import type { ReadSource } from '../debug/source/source.ts';

const MAX_BYTES = 8 << 20;

/** Reads files below `root`, links followed; what is not there is undefined. */
export function sourceReader(root: string): ReadSource {
  return file => {
    try {
      const path = realpathSync(resolve(root, file));
      const { size } = statSync(path);
      if (!path.startsWith(realpathSync(root) + sep) || !statSync(path).isFile() || size > MAX_BYTES)
        return undefined;
      const text = new TextDecoder().decode(readFileSync(path));
      return text.includes('\0') ? undefined : text.replace(/\r?\n$/, '').split(/\r?\n/);
    } catch {
      return undefined;
    }
  };
}
