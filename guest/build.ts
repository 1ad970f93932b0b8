/**
 * Builds the guest: kernel.elf, driver modules and user programs, from the C in the tree (guest/sources.ts) with
 * the pinned compiler (guest/toolchain.ts), cached by content in .cache/guest/.
 *
 * An object's key is the hash of compiler, flags, its source and every file that it may include; an artefact's key is the hash of its
 * objects' keys, linker script and flags. A file in the cache is complete or absent (it is renamed into place), so
 * any number of processes may build at once.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { makeDirectory } from './directory.ts';
import { loadableSha256, readElf } from './elf.ts';
import { GuestError } from './error.ts';
import { cacheRoot, projectRoot } from './project.ts';
import { filesBelow, guestTargets, HEADER_ROOTS, type Target } from './sources.ts';
import { openToolchain, type Toolchain } from './toolchain.ts';

const KERNEL = 'kernel.elf';
const MAX_JOBS = 2;
const NOT_INCLUDED = ['.c', '.S', '.ld', '.md'];

/** What a build made; all paths are absolute, into the cache, and must not be written. */
export interface GuestBuild {
  /** Artefact by file name (`kernel.elf`, `e1000.ko`, `netsend`). */
  files: Map<string, string>;
  /** SHA-256 of the kernel's loadable bytes: what reports call it by. Empty for a build without a kernel. */
  identity: string;
  /** Who compiled, for reports. */
  compiler: string;
  /** False when `NOOKS86_CC` was used: cycle counts are then not comparable. */
  pinned: boolean;
}

export interface BuildOptions {
  /** Artefacts to build, by file name; all when absent. */
  only?: readonly string[];
  /** The source tree, an absolute path; the project's own when absent. */
  root?: string;
  /** Called as work proceeds: steps done, and all steps (objects and links that the cache lacks). */
  onProgress?: (done: number, total: number) => void;
}

/** Builds the tree's guest. Throws a GuestError whose details are the compiler's diagnostics. */
export function buildGuest(options: BuildOptions = {}): Promise<GuestBuild> {
  const all = guestTargets(options.root ?? projectRoot());
  const unknown = options.only?.find(name => !all.some(target => target.name === name));
  if (unknown !== undefined) throw new GuestError(`nothing in the guest's sources makes ${unknown}`);
  return buildTargets(
    all.filter(target => options.only?.includes(target.name) ?? true),
    HEADER_ROOTS,
    options,
  );
}

/** Builds given targets; `headerRoots` are the directories whose headers they may include. */
export async function buildTargets(
  targets: readonly Target[],
  headerRoots: readonly string[],
  options: BuildOptions = {},
): Promise<GuestBuild> {
  const root = options.root ?? projectRoot();
  const tools = openToolchain(root);
  const cache = join(cacheRoot(), 'guest');
  mkdirSync(join(cache, 'obj'), { recursive: true });
  const seed = hash(tools.fingerprint, ...contentsOf(root, headersOf(root, headerRoots)));

  const objects = new Map<string, () => Promise<void>>();
  const links: (() => Promise<void>)[] = [];
  const files = new Map<string, string>();
  for (const target of targets) {
    const object = (source: string): string => {
      const key = hash(seed, ...target.flags, source, readText(root, source));
      const path = join(cache, 'obj', `${key}.o`);
      if (!existsSync(path)) objects.set(path, () => into(path, p => tools.compile(source, p, target.flags)));
      return path;
    };
    const required = target.sources.map(object);
    const optional = target.library.map(object);
    const script = target.script ? readText(root, target.script) : '';
    const path = join(cache, hash(target.kind, script, ...required, '', ...optional), target.name);
    files.set(target.name, path);
    if (!existsSync(path))
      links.push(() => into(path, p => linkTarget(tools, target, required, optional, p)));
  }

  const total = objects.size + links.length;
  let done = 0;
  const step = (job: () => Promise<void>) => async () => {
    await job();
    options.onProgress?.(++done, total);
  };
  await inParallel([...objects.values()].map(step));
  await inParallel(links.map(step));
  const kernel = files.get(KERNEL);
  const identity = kernel ? loadableSha256(readElf(readFileSync(kernel), KERNEL), KERNEL) : '';
  return { files, identity, compiler: tools.compiler, pinned: tools.pinned };
}

/** Path of one artefact. Throws a GuestError if the build has none of that name. */
export function artefact(build: GuestBuild, name: string): string {
  const path = build.files.get(name);
  if (path === undefined) throw new GuestError(`the guest's sources make no ${name}`);
  return path;
}

/** Copies a build's artefacts into `directory`, made if need be. */
export function copyBuild(build: GuestBuild, directory: string): void {
  makeDirectory(directory);
  for (const [name, path] of build.files) {
    // A reader of the old file keeps it whole: the new one is renamed over it.
    const temporary = join(directory, `.${name}.${process.pid}`);
    copyFileSync(path, temporary);
    renameSync(temporary, join(directory, name));
  }
}

function linkTarget(
  tools: Toolchain,
  target: Target,
  required: string[],
  optional: string[],
  output: string,
): Promise<void> {
  const inputs = [...required, ...(optional.length > 0 ? ['--start-lib', ...optional, '--end-lib'] : [])];
  const mode = target.script ? ['-static', '-T', target.script] : ['-r'];
  return tools.link(output, [...mode, ...inputs]).catch(error => {
    if (error instanceof GuestError)
      throw new GuestError(error.message.replace('link', `link ${target.name}`), error.details);
    throw error;
  });
}

/** Numbers this process's unfinished files, for two builds may run in it. */
let temporaries = 0;

/** Makes `path` by `make` under another name, then renames: nobody sees half a file. */
async function into(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${process.pid}.${++temporaries}.${basename(path)}`);
  try {
    await make(temporary);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Runs the jobs, a few at a time; lets all of them end, then throws what failed as one error. */
async function inParallel(jobs: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: GuestError[] = [];
  const rest = jobs.values();
  const worker = async () => {
    for (const job of rest) {
      await job().catch(error => {
        if (!(error instanceof GuestError)) throw error;
        failures.push(error);
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_JOBS, availableParallelism()) }, worker));
  if (failures.length === 0) return;
  const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : '';
  throw new GuestError(
    failures[0].message + more,
    failures
      .map(f => f.details)
      .filter(Boolean)
      .join('\n'),
  );
}

/** Everything that a source may include: headers and tables under any name. */
function headersOf(root: string, directories: readonly string[]): string[] {
  return directories.flatMap(directory =>
    filesBelow(root, directory, ending => !NOT_INCLUDED.includes(ending)),
  );
}

function contentsOf(root: string, paths: readonly string[]): string[] {
  return paths.flatMap(path => [path, readText(root, path)]);
}

function readText(root: string, path: string): string {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    throw new GuestError(`cannot read ${path}`);
  }
}

/** SHA-256 over the parts, each with its length, so that no two lists look alike. */
function hash(...parts: string[]): string {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(`${part.length}:`).update(part);
  return sum.digest('hex').slice(0, 32);
}
