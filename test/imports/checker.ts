/**
 * The import-direction check (docs/architecture.md): which part of the project may import which, as one table, and a
 * collector of the imports that a tree has, type-only ones included. esbuild parses; nothing is bundled.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { build, transformSync } from 'esbuild';

/** One import: both ends relative to the tree's root, or a package's name as `to`. */
export interface Edge {
  from: string;
  to: string;
  /** True when `to` is a package or a `node:` module. */
  external: boolean;
}

/** Shared by everything in emu/ that counts or stores. */
const BASE = ['emu/bits', 'emu/clock', 'emu/bus', 'emu/state', 'emu/profile', 'emu/accounting', 'emu/probe'];
const EMU = [...BASE, 'emu/mmu', 'emu/cpu', 'emu/devices', 'emu/machine'];

/**
 * What each part may import besides itself. A file directly in emu/ that has no row of its own belongs to
 * `emu/machine`, the composition.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'emu/bits': [],
  'emu/clock': ['emu/bits'],
  'emu/bus': ['emu/bits'],
  'emu/probe': [],
  'emu/state': ['emu/bits'],
  'emu/profile': ['emu/bits'],
  'emu/accounting': ['emu/bits', 'emu/clock', 'emu/state', 'emu/profile'],
  'emu/mmu': BASE,
  'emu/cpu': [...BASE, 'emu/mmu'],
  'emu/devices': ['emu/bits', 'emu/clock', 'emu/bus'],
  'emu/machine': EMU,
  guest: EMU,
  debug: [...EMU, 'guest'],
  // The wire's far end is a part of its own: validate runs streams over it too.
  'bench/farend': EMU,
  inject: [...EMU, 'guest', 'bench/farend'],
  bench: [...EMU, 'guest', 'bench/farend'],
  cli: [...EMU, 'guest', 'debug', 'inject', 'bench', 'bench/farend'],
};

/** What would make a run depend on the host. */
const HOST_GLOBALS =
  /(?<![.\w$])(?:new Date\b|Date\.|(?:process|performance|crypto)\.|set(?:Timeout|Interval|Immediate)\(|Math\.random\b)/;

/** The part that a file belongs to: a key of MAY_IMPORT, or undefined for a file that no rule knows. */
export function partOf(file: string): string | undefined {
  const [top, second = ''] = file.split('/');
  if (file.startsWith('bench/farend/')) return 'bench/farend';
  if (`${top}/${second}` in MAY_IMPORT) return `${top}/${second}`;
  if (top !== 'emu') return top in MAY_IMPORT ? top : undefined;
  const part = `emu/${second.replace(/\.ts$/, '')}`;
  if (part in MAY_IMPORT) return part;
  return second.endsWith('.ts') ? 'emu/machine' : undefined;
}

/** Every import against the rules, one line each. */
export function violations(edges: readonly Edge[]): string[] {
  const lines: string[] = [];
  for (const { from, to, external } of edges) {
    const importer = partOf(from);
    if (importer === undefined) lines.push(`${from} belongs to no part that the rules know`);
    else if (external && importer.startsWith('emu/'))
      lines.push(`${from} imports ${to}: emu/ imports no package`);
    else if (!external && !allowed(importer, partOf(to))) lines.push(`${from} imports ${to}`);
  }
  return lines;
}

function allowed(importer: string, imported: string | undefined): boolean {
  if (imported === undefined) return false;
  return importer === imported || MAY_IMPORT[importer].includes(imported);
}

/** Uses of the host (clock, randomness, process) in the code of an emu/ file, comments and strings left out. */
export function hostUses(file: string, source: string): string[] {
  if (!file.startsWith('emu/')) return [];
  const { code } = transformSync(source, { loader: 'ts', legalComments: 'none', minifyWhitespace: true });
  const use = HOST_GLOBALS.exec(code.replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''"));
  return use ? [`${file} uses ${use[0]}`] : [];
}

/** All imports of the given files (paths relative to `root`). Throws if a file cannot be parsed. */
export async function importsOf(root: string, files: readonly string[]): Promise<Edge[]> {
  const edges: Edge[] = [];
  const name = (path: string) => relative(root, path).split(sep).join('/');
  const note = (from: string, path: string) => {
    const local = path.startsWith('.');
    edges.push({ from: name(from), to: local ? name(resolve(dirname(from), path)) : path, external: !local });
  };
  await build({
    entryPoints: files.map(file => join(root, file)),
    bundle: true,
    write: false,
    outdir: join(root, 'unused'),
    format: 'esm',
    logLevel: 'silent',
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    plugins: [
      {
        name: 'imports',
        setup(b) {
          b.onResolve({ filter: /.*/ }, args => {
            if (args.kind === 'entry-point') return undefined;
            note(args.importer, args.path);
            return { path: args.path, external: true };
          });
          b.onLoad({ filter: /\.ts$/ }, args => {
            const source = readFileSync(args.path, 'utf8');
            // A type-only import becomes an ordinary one, so that esbuild shows it; the code is thrown away.
            return {
              contents: source.replace(
                /^(\s*import\s+)type\b(?=\s*[{*\w])|^(\s*export\s+)type\b(?=\s*[{*])/gm,
                '$1$2',
              ),
              loader: 'ts',
            };
          });
        },
      },
    ],
  });
  return edges;
}
