/** The offsets that faults and the oracle read the kernel by, against gdb's reading of the kernel's DWARF. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { artefact, buildGuest } from '../../guest/build.ts';
import { LAYOUTS } from '../../inject/layouts.ts';

const hasGdb = spawnSync('gdb', ['--version']).status === 0;
const inC = (field: string) => field.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

it.skipIf(!hasGdb)('are where gdb finds the fields (skipped where there is no gdb)', async () => {
  const kernel = artefact(await buildGuest(), 'kernel.elf');
  const asked = Object.entries(LAYOUTS).flatMap(([struct, fields]) =>
    Object.entries(fields).map(([field, offset]) => ({ struct, field, offset })),
  );
  const expression = ({ struct, field }: (typeof asked)[0]) =>
    field === 'sizeof' ? `sizeof(struct ${struct})` : `(int)&((struct ${struct} *)0)->${inC(field)}`;
  const commands = asked.flatMap(one => ['-ex', `output ${expression(one)}`, '-ex', 'echo \\n']);
  const { stdout } = spawnSync('gdb', ['-nx', '-batch', ...commands, kernel], { encoding: 'utf8' });
  const named = (offsets: (number | string)[]) =>
    asked.map(({ struct, field }, n) => `${struct}.${field} ${offsets[n]}`);
  expect(named(stdout.trim().split('\n'))).toEqual(named(asked.map(one => one.offset)));
});
