/** The command as a process of its own needs it: bundled afresh, since dist/ may be stale. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { cacheRoot, projectRoot } from '../../guest/project.ts';

/** The script's path, and what removes it. It lies inside the checkout, so that packages are found. */
export function bundle(): { script: string; remove: () => void } {
  const dir = mkdtempSync(join(cacheRoot(), 'test-cli-'));
  const script = join(dir, 'nooks86.mjs');
  buildSync({
    entryPoints: [join(projectRoot(), 'cli/nooks86.ts')],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
  return { script, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
