/** The recorded logs of the oracles: logs/ORACLE-PROGRAM.log.gz, a first line that says who made it, then the log. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const pathOf = (oracle: string, program: string) =>
  join(import.meta.dirname, 'logs', `${oracle}-${program}.log.gz`);

export function writeLog(oracle: string, program: string, version: string, lines: readonly string[]): void {
  writeFileSync(pathOf(oracle, program), gzipSync([`# ${version}`, ...lines].join('\n'), { level: 9 }));
}

/** A recorded log, or null where that oracle has none for the program. */
export function readLog(oracle: string, program: string): { version: string; lines: string[] } | null {
  const path = pathOf(oracle, program);
  if (!existsSync(path)) return null;
  const [first, ...lines] = gunzipSync(readFileSync(path)).toString('latin1').split('\n');
  return { version: first.slice(2), lines };
}
