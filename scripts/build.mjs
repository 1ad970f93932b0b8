// Bundles the command line, what a campaign's threads run and what runs a peer into dist/ with esbuild; `npm ci` runs
// it through `prepare`.
import { build } from 'esbuild';

try {
  await build({
    entryPoints: {
      nooks86: 'cli/nooks86.ts',
      'campaign-worker': 'inject/campaign/worker.ts',
      'peer-child': 'bench/peers/child.ts',
    },
    outdir: 'dist',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: true,
    minifySyntax: true,
    logLevel: 'warning',
  });
} catch {
  // esbuild has said what is wrong.
  process.exitCode = 1;
}
