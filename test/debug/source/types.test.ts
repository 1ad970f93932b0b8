/** Definitions and layouts of types: gdb's `ptype/o` and `whatis` of every struct of kernel, driver and programs. */

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { declaration, definition, typeName } from '../../../debug/source/ctype.ts';
import { layoutOf } from '../../../debug/source/layout.ts';
import { artefact, buildGuest, type GuestBuild } from '../../../guest/build.ts';
import { DebugInfo } from '../../../guest/dwarf/names.ts';
import { DebugSections } from '../../../guest/dwarf/sections.ts';
import { type CType, resolve, sizeOf, typeAt } from '../../../guest/dwarf/types.ts';
import { readElf } from '../../../guest/elf.ts';
import { debugKernel } from '../kernel-rig.ts';
import { askOfFile, installed } from './gdb.ts';

let build: GuestBuild;
beforeAll(async () => {
  build = await buildGuest();
});

function infoOf(file: string) {
  const path = artefact(build, file);
  const elf = readElf(new Uint8Array(readFileSync(path)), file);
  const info = new DebugInfo(new DebugSections(elf, file, s => s.address));
  const complete = (type: CType): CType => {
    const bare = resolve(type);
    if (!('declaration' in bare) || !bare.declaration || !bare.name) return bare;
    const die = info.typesNamed(`${bare.kind} ${bare.name}`)[0];
    return die ? resolve(typeAt(die)) : bare;
  };
  return { path, info, complete };
}

describe.skipIf(!installed)('as gdb has them (skipped if it is not installed)', () => {
  it.each(['kernel.elf', 'e1000.ko', 'netsend'])('structs, unions and enums of %s', async file => {
    const { path, info, complete } = infoOf(file);
    const names = info.names('types').filter(n => /^(struct|union|enum) /.test(n));
    const defined = names.filter(name => {
      const type = resolve(typeAt(info.typesNamed(name)[0]));
      return 'declaration' in type && !type.declaration;
    });
    expect(defined.length).toBeGreaterThan(5);
    const answers = await askOfFile(path, ...defined.map(name => `ptype/o ${name}`));
    const flat = (text: string) => text.replace(/[ \t]+$/gm, '').trim();
    const ours = defined.map(name => definition(typeAt(info.typesNamed(name)[0]), complete, true));
    const head = '/* offset      |    size */  type = ';
    expect(defined.map((name, n) => `${name}: ${flat(ours[n])}`)).toEqual(
      defined.map((name, n) => `${name}: ${flat(answers[n].replace(head, '').replace(/^type = /, ''))}`),
    );
  });

  it('functions and variables of the kernel by their types', async () => {
    const { path, info } = infoOf('kernel.elf');
    const names = info.names('variables').filter(name => info.variablesNamed(name).length === 1);
    const answers = await askOfFile(path, ...names.map(name => `whatis ${name}`));
    const { run } = debugKernel(build, 'nooks');
    for (const [n, name] of names.entries())
      expect(await run(`whatis ${name}`), name).toBe(`${answers[n]}\n`);
  });
});

it('finds members by paths, through unnamed structs and arrays', () => {
  const { info, complete } = infoOf('kernel.elf');
  const type = typeAt(info.typesNamed('struct task_struct')[0]);
  const layout = layoutOf(type, 'struct task_struct', complete);
  expect(layout.size).toBe(sizeOf(type));
  const tasks = layout.field('tasks');
  expect(layout.field('tasks.prev')).toMatchObject({ offset: tasks.offset + 4, size: 4 });
  const files = layout.field('files');
  expect(layout.field('files[3]')).toMatchObject({ offset: files.offset + 12, size: 4 });
  for (const path of ['nothing', 'comm.x', 'pid[1]', 'files[x]', '']) {
    if (path === '') expect(layout.field(path).offset).toBe(0);
    else expect(() => layout.field(path), path).toThrow(/has no member/);
  }
});

it('declares what C can declare', () => {
  const int: CType = { kind: 'base', name: 'int', size: 4, encoding: 5 };
  const pointer = (to: CType): CType => ({ kind: 'pointer', size: 4, to });
  const fn: CType = { kind: 'function', returns: int, parameters: [], variadic: false, prototyped: true };
  const array: CType = { kind: 'array', of: pointer(fn), count: 3 };
  expect(typeName(pointer(pointer(int)))).toBe('int **');
  expect(declaration(array, 'table')).toBe('int (*table[3])(void)');
  expect(declaration({ kind: 'const', to: pointer(int) }, 'p')).toBe('int * const p');
  expect(typeName(pointer({ kind: 'const', to: int }))).toBe('const int *');
  // One that contains itself is cut.
  const knot = { kind: 'pointer', size: 4 } as unknown as { to: CType } & CType;
  knot.to = knot;
  expect(typeName(knot).length).toBeLessThan(200);
  expect(definition(knot, t => t).length).toBeLessThan(400);
});
