/**
 * Which files make which artefact: the guest's build rules as data, read from the source tree.
 *
 * - kernel.elf: every .c and .S below kernel/ and nooks/, by kernel/kernel.ld.
 * - NAME.ko: drivers/NAME.c (or deeper), or all of a directory drivers/.../NAME/ that holds a NAME.c.
 * - NAME: user/NAME.c (or deeper) with what it needs of user/lib/, by user/user.ld.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { GuestError } from './error.ts';

export type TargetKind = 'kernel' | 'module' | 'program';

/** One artefact. All paths are relative to the project's root, with forward slashes, sorted. */
export interface Target {
  name: string;
  kind: TargetKind;
  /** Always linked. */
  sources: string[];
  /** Linked where something needs them. */
  library: string[];
  flags: string[];
  /** Linker script, or undefined for relocatable output. */
  script?: string;
}

/** Library calls that clang makes on its own. */
const runtimeSources = (root: string) => filesBelow(root, 'guest/rt', e => e === '.c');
const KERNEL_FLAGS = ['-D__KERNEL__', '-Ikernel/include', '-Inooks/include'];
const MODULE_FLAGS = ['-D__KERNEL__', '-DMODULE', '-Ikernel/include'];
const PROGRAM_FLAGS = ['-Iuser/include', '-Iuser/lib', '-idirafter', 'kernel/include'];

/** Directories whose headers any guest source may include. */
export const HEADER_ROOTS = ['kernel', 'nooks', 'drivers', 'user'];

/** All artefacts that the tree below `root` describes, in a fixed order. */
export function guestTargets(root: string): Target[] {
  const targets = [...kernelTarget(root), ...moduleTargets(root), ...programTargets(root)];
  const seen = new Map<string, Target>();
  for (const target of targets) {
    const twin = seen.get(target.name);
    if (twin) throw new GuestError(`${twin.sources[0]} and ${target.sources[0]} both make ${target.name}`);
    seen.set(target.name, target);
  }
  return targets;
}

/** Files below `directory` (relative to root) whose ending `wanted` likes, sorted; none if there is no directory. */
export function filesBelow(root: string, directory: string, wanted: (ending: string) => boolean): string[] {
  const found: string[] = [];
  const visit = (dir: string) => {
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = `${dir}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (wanted(extname(entry.name))) found.push(path);
    }
  };
  if (existsSync(join(root, directory))) visit(directory);
  return found.sort();
}

const sourcesBelow = (root: string, directory: string) =>
  filesBelow(root, directory, e => e === '.c' || e === '.S');

function kernelTarget(root: string): Target[] {
  const sources = [...sourcesBelow(root, 'kernel'), ...sourcesBelow(root, 'nooks')];
  if (sources.length === 0) return [];
  const script = 'kernel/kernel.ld';
  return [
    {
      name: 'kernel.elf',
      kind: 'kernel',
      sources,
      library: runtimeSources(root),
      flags: KERNEL_FLAGS,
      script,
    },
  ];
}

function moduleTargets(root: string): Target[] {
  const groups = new Map<string, string[]>();
  for (const source of sourcesBelow(root, 'drivers')) {
    const dir = dirname(source);
    const wholeDirectory = dir !== 'drivers' && existsSync(join(root, dir, `${basename(dir)}.c`));
    const key = wholeDirectory ? dir : source.slice(0, -2);
    groups.set(key, [...(groups.get(key) ?? []), source]);
  }
  return [...groups].map(([key, sources]) => ({
    name: `${basename(key)}.ko`,
    kind: 'module',
    sources,
    library: [],
    flags: [...MODULE_FLAGS, `-DKBUILD_MODNAME="${basename(key)}"`],
  }));
}

function programTargets(root: string): Target[] {
  const library = sourcesBelow(root, 'user/lib');
  return sourcesBelow(root, 'user')
    .filter(source => source.endsWith('.c') && !library.includes(source))
    .map(source => ({
      name: basename(source, '.c'),
      kind: 'program',
      sources: [source],
      library: [...library, ...runtimeSources(root)],
      flags: PROGRAM_FLAGS,
      script: 'user/user.ld',
    }));
}
