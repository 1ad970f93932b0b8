/** The file of frames that we make, read by a reader that is not ours. Skipped where it is not installed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { framesElf } from '../../../debug/gdb/frames.ts';
import { readElf } from '../../../guest/elf.ts';
import { kernelTarget } from './client.ts';

const installed = spawnSync('readelf', ['--version']).status === 0;

it.skipIf(!installed)('readelf understands it (skipped if it is not installed)', async () => {
  const { session } = await kernelTarget();
  const bytes = session && framesElf(session);
  expect(bytes && readElf(bytes, 'frames').sections.map(s => s.name)).toContain('.debug_frame');
  const directory = mkdtempSync(join(tmpdir(), 'nooks86-frames-'));
  const file = join(directory, 'frames.elf');
  writeFileSync(file, bytes ?? '');
  const { stdout, stderr } = spawnSync('readelf', ['-S', '--debug-dump=frames', file], { encoding: 'utf8' });
  rmSync(directory, { recursive: true });
  expect(stderr).toBe('');
  expect(stdout).toContain('Augmentation:          "zS"');
  // do_trap is called in four places.
  expect(stdout.match(/FDE cie=0+ pc=/g)).toHaveLength(8);
  expect(stdout).toContain('DW_CFA_def_cfa: r5 (ebp) ofs 8');
  expect(stdout).toMatch(
    /DW_CFA_def_cfa_expression \(DW_OP_breg4 \(esp\): 4; DW_OP_deref; DW_OP_plus_uconst: 8\)/,
  );
});
