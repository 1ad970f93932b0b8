/**
 * The commands of earlier sessions, as shells and gdb keep them: one a line in ~/.nooks86_history, readable by its owner
 * only, the last 1,000. NOOKS86_HISTORY names another file; empty, none. A history that cannot be read or written is no
 * reason to fail: the session does without.
 */
import { chmodSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const MAX_COMMANDS = 1000;
/** Bytes; a larger file is not ours. */
const MAX_FILE = 1 << 20;
const MAX_COMMAND = 1000;
const OWNER_ONLY = 0o600;

/** Undefined where none is wanted. */
export function historyPath(env: NodeJS.ProcessEnv): string | undefined {
  const path = env.NOOKS86_HISTORY ?? join(homedir(), '.nooks86_history');
  return path === '' ? undefined : path;
}

/** The oldest first. */
export function readHistory(path: string): string[] {
  try {
    const status = lstatSync(path);
    // A link could lead anywhere, a pipe could wait for ever.
    if (!status.isFile() || status.size > MAX_FILE) return [];
    return readFileSync(path, 'utf8').split('\n').filter(isCommand).slice(-MAX_COMMANDS);
  } catch {
    return [];
  }
}

/** Adds a session's commands to what is there by now: other sessions may have ended since. */
export function appendHistory(path: string, commands: readonly string[]): void {
  const said = commands.filter(isCommand);
  if (said.length === 0) return;
  try {
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status && (!status.isFile() || status.size > MAX_FILE)) return;
    const all = [...readHistory(path), ...said].slice(-MAX_COMMANDS);
    writeFileSync(path, `${all.join('\n')}\n`, { mode: OWNER_ONLY });
    chmodSync(path, OWNER_ONLY);
  } catch {
    // The session is over, and its work is done.
  }
}

function isCommand(line: string): boolean {
  return line.trim() !== '' && line.length <= MAX_COMMAND && !/\p{Cc}/u.test(line);
}
