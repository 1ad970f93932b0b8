/**
 * Where the project is on disk. The code runs from the source tree under vitest and as one bundle in dist/, so
 * the root is found by walking up to the package.json that bears our name.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GuestError } from './error.ts';

let root: string | undefined;

/** Absolute path of the project's root directory. */
export function projectRoot(): string {
  return (root ??= findRoot(dirname(fileURLToPath(import.meta.url))));
}

/** Directory of everything that can be built again; `NOOKS86_CACHE` may move it. */
export function cacheRoot(): string {
  return process.env.NOOKS86_CACHE || join(projectRoot(), '.cache');
}

function findRoot(from: string): string {
  for (let dir = from; ; dir = dirname(dir)) {
    if (packageName(join(dir, 'package.json')) === 'nooks86') return dir;
    if (dir === dirname(dir)) throw new GuestError(`no nooks86 checkout around ${from}`);
  }
}

function packageName(file: string): string | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).name;
  } catch {
    return undefined;
  }
}
