import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildBenchGuests } from '../../guest/bench.ts';
import { artefact, buildGuest, copyBuild, type GuestBuild } from '../../guest/build.ts';
import { readElf, relocationsOf, undefinedSymbols } from '../../guest/elf.ts';
import { GuestError } from '../../guest/error.ts';
import { hasMultibootHeader, loadMultiboot } from '../../guest/multiboot.ts';
import { projectRoot } from '../../guest/project.ts';
import { guestTargets } from '../../guest/sources.ts';

const TREE: Record<string, string> = {
  'kernel/include/linux/kernel.h': `
#define START_VALUE 3
#ifndef __ASSEMBLY__
unsigned long long divide(unsigned long long a, unsigned long long b);
#endif`,
  'kernel/head.S': `
#include <linux/kernel.h>
	.section .multiboot, "a"
	.long 0x1BADB002, 0, -0x1BADB002
	.text
	.globl _start
_start:	mov $START_VALUE, %eax
	call start_kernel
	hlt`,
  'kernel/init/main.c': `
#include <linux/kernel.h>
const char *where = __FILE__;
int start_kernel(void);
int start_kernel(void) { return (int)divide(100, START_VALUE); }`,
  'nooks/divide.c': `
#include <linux/kernel.h>
unsigned long long divide(unsigned long long a, unsigned long long b) { return a / b; }`,
  'kernel/kernel.ld': `
ENTRY(_start)
SECTIONS {
	. = 0x100000;
	.text : { KEEP(*(.multiboot)) *(.text) }
	.text.inherit : { *(.text.inherit) }
	.rodata : { *(.rodata*) }
	.data : { *(.data*) }
	.bss : { *(.bss*) }
}`,
  'drivers/one.c':
    'extern int printk(const char *, ...); int probe(void); int probe(void) { return printk(KBUILD_MODNAME); }',
  'drivers/two/two.c': 'int second(void); int first(void); int first(void) { return second(); }',
  'drivers/two/second.c': 'int second(void); int second(void) { return 2; }',
  'user/lib/start.S': '.globl _start\n_start: call main\n int3',
  'user/lib/unused.c': 'int unused(void); int unused(void) { return 1; }',
  'user/hello.c': 'int main(void); int main(void) { return 7; }',
  'user/user.ld': 'ENTRY(_start) SECTIONS { . = 0x8000000; .text : { *(.text*) } .data : { *(.data*) } }',
};

let scratch: string;
let root: string;
const ownCache = process.env.NOOKS86_CACHE;

function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

const build = (only?: string[]) => buildGuest({ root, only });
const elfOf = (made: GuestBuild, name: string) => readElf(readFileSync(artefact(made, name)), name);

async function failure(work: Promise<unknown>): Promise<GuestError> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(GuestError);
  expect((error as Error).message).not.toContain('\n');
  return error as GuestError;
}

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'nooks86-build-'));
  process.env.NOOKS86_CACHE = join(scratch, 'cache');
});

beforeEach(() => {
  root = mkdtempSync(join(scratch, 'tree-'));
  write(TREE);
  cpSync(join(projectRoot(), 'guest/rt'), join(root, 'guest/rt'), { recursive: true });
});

afterEach(() => {
  delete process.env.NOOKS86_CC;
});

afterAll(() => {
  if (ownCache === undefined) delete process.env.NOOKS86_CACHE;
  else process.env.NOOKS86_CACHE = ownCache;
  rmSync(scratch, { recursive: true, force: true });
});

describe('guestTargets', () => {
  it('reads the artefacts from the tree', () => {
    const made = guestTargets(root).map(t => [t.name, t.sources]);
    expect(made).toEqual([
      ['kernel.elf', ['kernel/head.S', 'kernel/init/main.c', 'nooks/divide.c']],
      ['one.ko', ['drivers/one.c']],
      ['two.ko', ['drivers/two/second.c', 'drivers/two/two.c']],
      ['hello', ['user/hello.c']],
    ]);
  });

  it('refuses two sources of one name', () => {
    write({ 'user/tests/hello.c': 'int main(void) { return 0; }' });
    expect(() => guestTargets(root)).toThrow('user/hello.c and user/tests/hello.c both make hello');
  });
});

describe('buildGuest', () => {
  it('makes a Multiboot kernel that links its own division', async () => {
    const made = await build();
    const kernel = readFileSync(artefact(made, 'kernel.elf'));
    expect(hasMultibootHeader(kernel)).toBe(true);
    const target = { ramSize: 4 << 20, writePhysical() {} };
    const elf = elfOf(made, 'kernel.elf');
    expect(loadMultiboot(target, { name: 'kernel.elf', bytes: kernel }).eip).toBe(elf.entry);
    const divide = elf.symbols.find(s => s.name === '__udivdi3');
    expect(elf.sections[divide!.section].name).toBe('.text.inherit');
    expect(made.identity).toMatch(/^[0-9a-f]{64}$/);
    expect(made.pinned).toBe(true);
  });

  it('makes relocatable modules, of one file or of a directory', async () => {
    const made = await build();
    const one = elfOf(made, 'one.ko');
    expect(one.type).toBe(1);
    expect(undefinedSymbols(one)).toEqual(['printk']);
    const text = one.sections.find(s => s.name === '.text');
    expect(relocationsOf(one, text!, 'one.ko').length).toBeGreaterThan(0);
    expect(undefinedSymbols(elfOf(made, 'two.ko'))).toEqual([]);
  });

  it('links into a program only what it needs of the library', async () => {
    const names = elfOf(await build(), 'hello').symbols.map(s => s.name);
    expect(names).toContain('_start');
    expect(names).not.toContain('unused');
  });

  it('keeps the path of the checkout out of the bytes', async () => {
    const bytes = readFileSync(artefact(await build(), 'kernel.elf')).toString('latin1');
    expect(bytes).toContain('kernel/init/main.c');
    expect(bytes).not.toContain(root);
  });

  it('gives the same bytes in another directory, and other bytes for other code', async () => {
    const before = await build();
    const bytes = readFileSync(artefact(before, 'kernel.elf'));
    const first = root;
    root = mkdtempSync(join(scratch, 'elsewhere-'));
    cpSync(first, root, { recursive: true });
    process.env.NOOKS86_CACHE = join(scratch, 'cache-2');
    const again = await build();
    expect(Buffer.compare(readFileSync(artefact(again, 'kernel.elf')), bytes)).toBe(0);
    write({ 'kernel/include/linux/kernel.h': TREE['kernel/include/linux/kernel.h'].replace('3', '4') });
    expect((await build()).identity).not.toBe(before.identity);
    process.env.NOOKS86_CACHE = join(scratch, 'cache');
  });

  it('compiles nothing the second time, and one file after a change of it', async () => {
    const steps: number[] = [];
    const onProgress = (_done: number, total: number) => steps.push(total);
    write({ 'drivers/one.c': 'int fresh(void); int fresh(void) { return 1; }' });
    await buildGuest({ root, onProgress });
    steps.length = 0;
    await buildGuest({ root, onProgress });
    expect(steps).toEqual([]);
    write({ 'drivers/one.c': 'int fresh(void); int fresh(void) { return 2; }' });
    await buildGuest({ root, onProgress });
    expect(steps).toEqual([2, 2]);
  });

  it('sees a change of an included table, whatever its name ends in', async () => {
    write({
      'nooks/calls.def': 'CALL(1)',
      'nooks/calls.c': '#define CALL(n) int call = n;\n#include "calls.def"',
    });
    const { identity } = await build();
    write({ 'nooks/calls.def': 'CALL(2)' });
    expect((await build()).identity).not.toBe(identity);
  });

  it('lets many build at once', async () => {
    process.env.NOOKS86_CACHE = join(scratch, 'cache-race');
    const made = await Promise.all([build(), build(), build()]);
    expect(new Set(made.map(m => m.identity)).size).toBe(1);
    const leftOver = (readdirSync(join(scratch, 'cache-race/guest'), { recursive: true }) as string[]).filter(
      name => /(^|\/)\.\d/.test(name),
    );
    expect(leftOver).toEqual([]);
    process.env.NOOKS86_CACHE = join(scratch, 'cache');
  });

  it('builds what is there of an unfinished tree', async () => {
    rmSync(join(root, 'kernel'), { recursive: true });
    rmSync(join(root, 'nooks'), { recursive: true });
    const made = await build();
    expect([...made.files.keys()]).toEqual(['one.ko', 'two.ko', 'hello']);
    expect(made.identity).toBe('');
    expect(() => artefact(made, 'kernel.elf')).toThrow('make no kernel.elf');
  });

  it('builds only what is asked for', async () => {
    write({ 'kernel/broken.c': 'int f(' });
    expect([...(await build(['hello'])).files.keys()]).toEqual(['hello']);
    expect((await failure(Promise.resolve().then(() => build(['nope'])))).message).toContain('makes nope');
  });

  it('copies artefacts out, over old ones', async () => {
    const out = join(root, 'out');
    mkdirSync(out);
    writeFileSync(join(out, 'hello'), 'old');
    copyBuild(await build(), out);
    expect(readdirSync(out).sort()).toEqual(['hello', 'kernel.elf', 'one.ko', 'two.ko']);
    expect(readFileSync(join(out, 'hello')).length).toBeGreaterThan(100);
  });

  it.each([
    [
      'a syntax error',
      'kernel/bad.c',
      'int f(void) { return',
      'cannot compile kernel/bad.c: kernel/bad.c:1:',
    ],
    ['a warning', 'nooks/bad.c', 'void f(void); void f(void) { int x; }', 'unused variable'],
    ['a missing header', 'user/bad.c', '#include <linux/none.h>', "'linux/none.h' file not found"],
    [
      'an undefined symbol',
      'kernel/bad.c',
      'int g(void), f(void); int f(void) { return g(); }',
      'undefined symbol: g',
    ],
    ['a missing linker script', 'user/user.ld', '', 'cannot read user/user.ld'],
  ])('answers %s in one line', async (_what, path, text, problem) => {
    if (text) write({ [path]: text });
    else rmSync(join(root, path));
    const error = await failure(Promise.resolve().then(() => build()));
    expect(error.message).toContain(problem);
  });

  it('tells the diagnostics of every file that failed', async () => {
    write({ 'kernel/a.c': 'int a(', 'kernel/b.c': 'int b(' });
    const error = await failure(build());
    expect(error.message).toContain('(and 1 more)');
    expect(error.details).toContain('kernel/a.c:1:');
    expect(error.details).toContain('kernel/b.c:1:');
  });

  it('uses another compiler that NOOKS86_CC names, and says so', async () => {
    process.env.NOOKS86_CC = '/nonexistent/clang';
    const error = await failure(build());
    expect(error.message).toContain('cannot run /nonexistent/clang');
  });
});

describe('buildBenchGuests', () => {
  it('builds Multiboot images whose length of run is chosen', async () => {
    const short = await buildBenchGuests({ only: ['alu', 'trap'], shift: 5 });
    expect([...short.files.keys()]).toEqual(['alu.elf', 'trap.elf']);
    for (const path of short.files.values()) expect(hasMultibootHeader(readFileSync(path))).toBe(true);
    const long = await buildBenchGuests({ only: ['alu'] });
    expect(artefact(long, 'alu.elf')).not.toBe(artefact(short, 'alu.elf'));
    expect(existsSync(artefact(long, 'alu.elf'))).toBe(true);
  });

  it.each([
    ['an unknown benchmark', { only: ['nope'] }, 'no benchmark nope'],
    ['a prototype name', { only: ['toString'] }, 'no benchmark toString'],
    ['a bad shift', { shift: 17 }, 'no shift of 17'],
  ])('refuses %s', async (_what, options, problem) => {
    const error = await failure(Promise.resolve().then(() => buildBenchGuests(options)));
    expect(error.message).toContain(problem);
  });
});
