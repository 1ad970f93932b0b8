/**
 * The prompt at a terminal: editing, completion and history by readline; an empty line goes on with the last command;
 * Ctrl-C stops the guest, or clears the line, and twice at an empty one says how to leave; the end of input leaves.
 */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Interpreter } from '../debug/interpreter.ts';
import { appendHistory, MAX_COMMANDS, readHistory } from './history-file.ts';

export const PROMPT = '(nooks86) ';
/** Between two presses of Ctrl-C that are meant. */
const TWICE_MS = 2000;
const MAX_FILES = 200;

export interface Terminal {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
  /** Where commands are kept between sessions. */
  history?: string;
}

/** Until `quit` or the end of input. `interrupt.wanted` asks a run to end. */
export async function converseAt(
  { input, output, history }: Terminal,
  interpreter: Interpreter,
  interrupt: { wanted: boolean },
): Promise<void> {
  const typed: string[] = [];
  const lines = createInterface({
    input,
    output,
    terminal: true,
    prompt: PROMPT,
    historySize: MAX_COMMANDS,
    history: history === undefined ? [] : readHistory(history).reverse(),
    completer(line: string): [string[], string] {
      const { from, words } = interpreter.completion(line);
      // A single answer is whole: go on behind it, but for a file whose line is still to come.
      const done = words.length === 1 && !/[:/]$/.test(words[0]);
      return [done ? [`${words[0]} `] : words, line.slice(from)];
    },
  });
  let running = false;
  let pressed = Number.NEGATIVE_INFINITY;
  lines.on('SIGINT', () => {
    if (running) {
      interrupt.wanted = true;
      return;
    }
    const now = performance.now();
    const idle = lines.line === '';
    output.write(idle && now - pressed < TWICE_MS ? '\nquit or Ctrl-D leaves\n' : '^C\n');
    pressed = idle ? now : Number.NEGATIVE_INFINITY;
    lines.write(null, { ctrl: true, name: 'e' });
    lines.write(null, { ctrl: true, name: 'u' });
    lines.prompt();
  });
  let last = '';
  lines.prompt();
  for await (const line of lines) {
    const command = line.trim() === '' ? last : line;
    if (line.trim() !== '') typed.push(line);
    last = interpreter.again(command);
    running = true;
    interrupt.wanted = false;
    await interpreter.execute(command);
    running = false;
    if (interpreter.done) break;
    lines.prompt();
  }
  if (!interpreter.done) output.write('\n');
  lines.close();
  if (history !== undefined) appendHistory(history, typed);
}

/** Names of the host's files that begin with a path; a directory's ends in a slash. */
export function filesFrom(begun: string): string[] {
  const directory = begun.endsWith('/') ? begun : dirname(begun);
  const first = begun.endsWith('/') ? '' : basename(begun);
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter(entry => entry.name.startsWith(first) && (first !== '' || !entry.name.startsWith('.')))
      .slice(0, MAX_FILES)
      .map(entry => {
        const path = begun.includes('/') ? join(directory, entry.name) : entry.name;
        return entry.isDirectory() ? `${path}/` : path;
      });
  } catch {
    return [];
  }
}
