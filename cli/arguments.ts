/** Checked values from the command line: numbers in a range and files of a sensible size, or a UsageError. */
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { Option } from 'commander';
import type { EngineKind } from '../emu/board.ts';
import { UsageError } from './context.ts';

/** No image, module or program is larger. */
const MAX_FILE = 1 << 30;

/** A parser for commander: whole decimal numbers (also 1e9 and 1_000) from `low` to `high`. */
export function wholeNumber(what: string, low: number, high: number): (text: string) => number {
  return text => {
    const value = /^\d[\d_]*(e\d+)?$/i.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < low || value > high) {
      throw new UsageError(`${what} must be a whole number from ${low} to ${high}, not ${text}`);
    }
    return value;
  };
}

/** A parser for commander: a port number, decimal or hexadecimal (`0x80`). */
export function portNumber(what: string): (text: string) => number {
  return text => {
    const value = /^(\d+|0x[\da-f]+)$/i.test(text) ? Number(text) : Number.NaN;
    if (!(value <= 0xffff)) throw new UsageError(`${what} must be a port from 0 to 0xffff, not ${text}`);
    return value;
  };
}

/** A whole regular file. Throws a UsageError that names it. */
export function readInput(path: string): Uint8Array {
  try {
    const status = statSync(path);
    if (!status.isFile()) throw new UsageError(`${path} is not a regular file`);
    if (status.size > MAX_FILE) throw new UsageError(`${path} is larger than 1 GiB`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw new UsageError(code === 'ENOENT' ? `no such file: ${path}` : `cannot read ${path} (${code})`);
  }
}

/**
 * Throws a UsageError unless `path` can be written, so that it is known before the minutes of work whose result goes
 * there. A file that is not there is made, empty; a pipe or device is not touched.
 */
export function checkOutput(path: string): void {
  try {
    const status = statSync(path, { throwIfNoEntry: false });
    if (!status || status.isFile() || status.isDirectory()) closeSync(openSync(path, 'a'));
  } catch (error) {
    throw new UsageError(`cannot write ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** A parser for commander: one of `choices`. */
export function choice<T extends string>(what: string, choices: readonly T[]): (text: string) => T {
  return text => {
    const found = choices.find(c => c === text);
    if (found === undefined) throw new UsageError(`${what} must be ${choices.join(' or ')}, not ${text}`);
    return found;
  };
}

/** A parser for commander: a list with commas, each one of `choices`. */
export function choices<T extends string>(what: string, all: readonly T[]): (text: string) => T[] {
  return text =>
    text.split(',').map(word => {
      const found = all.find(c => c === word.trim());
      if (found === undefined)
        throw new UsageError(`${what} must be a list of ${all.join(', ')}, not ${text || 'empty'}`);
      return found;
    });
}

/** A parser for commander: a decimal number from `low` to `high`. */
export function decimalNumber(what: string, low: number, high: number): (text: string) => number {
  return text => {
    const value = /^\d+(\.\d+)?(e-?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high))
      throw new UsageError(`${what} must be a number from ${low} to ${high}, not ${text}`);
    return value;
  };
}

const ENGINES: readonly EngineKind[] = ['interpreter', 'compiled'];

/** `--engine` of every command that runs a guest: both engines give the same cycles and state. */
export function engineOption(): Option {
  return new Option(
    '--engine <kind>',
    'compiled: hot code becomes WebAssembly; interpreter: the same, slower',
  )
    .argParser(choice('--engine', ENGINES))
    .default('compiled' satisfies EngineKind);
}
