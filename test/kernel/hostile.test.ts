/** What the kernel says to bad input and to its own bugs: one clear line, and exit code 99 or the command's own. */
import { describe, expect, it } from 'vitest';
import { type Booted, bootHere, image } from './boot.ts';

const PANIC = 99;

/** The only line of the console that has the text. */
function lineWith({ console }: Booted, text: string): string {
  const lines = console.split('\n').filter(line => line.includes(text));
  expect(lines, console).toHaveLength(1);
  return lines[0];
}

async function expectPanic(boot: Parameters<typeof bootHere>[0], text: string): Promise<Booted> {
  const booted = await bootHere(boot);
  expect(lineWith(booted, 'Kernel panic')).toContain(text);
  expect(booted.end).toBe(PANIC);
  return booted;
}

/** A copy with some bytes replaced. */
function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(values, at);
  return copy;
}

const ELF_TYPE = 16;
const ELF_ENTRY = 24;
const ELF_PHOFF = 28;
const ELF_SHOFF = 32;
const ELF_PHNUM = 44;
const ELF_SHNUM = 48;

describe('booting', () => {
  it('needs an init', () => expectPanic({ modules: [] }, 'no init'));
  it('looks for the init that it was told of', () =>
    expectPanic({ options: 'init=other', modules: ['init'] }, '"other"'));
  it('runs any program as init', async () => {
    const { console, end } = await bootHere({ options: 'init=hello', modules: ['hello as init'] });
    expect(console).toContain('hello from ring 3, process 1 as init\n');
    expect(end).toBe(0);
  });
  it('needs 16 MiB', () => expectPanic({ memory: 8, modules: ['init'] }, 'too small'));
  it('has enough in 16 MiB', async () => {
    expect((await bootHere({ memory: 16, modules: ['init hello', 'hello'] })).end).toBe(0);
  });
  it.each(['globalpages=on', 'globalpages=off', 'globalpages=auto', 'poison=off', 'loglevel=7', 'zone=4'])(
    'goes on with %s',
    async options => {
      expect((await bootHere({ options, modules: ['init hello', 'hello'] })).end).toBe(0);
    },
  );
  it('refuses options that are not numbers', () =>
    expectPanic({ options: 'zone=much', modules: ['init'] }, 'zone=much'));
  it('refuses options that are not known values', () =>
    expectPanic({ options: 'globalpages=perhaps', modules: ['init'] }, 'globalpages=perhaps'));
  it('refuses a zone larger than memory', () =>
    expectPanic({ options: 'zone=100', modules: ['init'] }, 'too small'));
});

describe('a program', () => {
  const run = async (change: (bytes: Uint8Array) => Uint8Array) =>
    bootHere({ modules: ['init bad', { line: 'bad', bytes: change(await image('hello')) }] });

  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['nothing', () => new Uint8Array(0)],
    ['a short header', bytes => bytes.slice(0, 40)],
    ['a cut body', bytes => bytes.slice(0, 4096)],
    ['another magic', bytes => patched(bytes, 0, 0)],
    ['another type', bytes => patched(bytes, ELF_TYPE, 3)],
    ['program headers outside', bytes => patched(bytes, ELF_PHOFF, 0xff, 0xff, 0xff, 0xff)],
    ['too many program headers', bytes => patched(bytes, ELF_PHNUM, 0xff, 0xff)],
    ['no program headers', bytes => patched(bytes, ELF_PHNUM, 0, 0)],
    ['an entry outside', bytes => patched(bytes, ELF_ENTRY, 0, 0, 0, 0xc0)],
    ['a segment in the kernel', bytes => patched(bytes, 52 + 8, 0, 0, 0x10, 0xc0)],
    ['a segment at 0', bytes => patched(bytes, 52 + 8, 0, 0, 0, 0)],
    ['a segment that wraps', bytes => patched(bytes, 52 + 20, 0xff, 0xff, 0xff, 0xff)],
    ['a file part larger than memory', bytes => patched(bytes, 52 + 20, 1, 0, 0, 0)],
    ['a file part outside', bytes => patched(bytes, 52 + 4, 0xff, 0xff, 0xff, 0x7f)],
    ['overlapping segments', bytes => patched(bytes, 52 + 32 + 8, 0x00, 0x80, 0x04, 0x08)],
  ])('with %s is refused', async (_, change) => {
    const booted = await run(change);
    expect(booted.console).not.toContain('hello from');
    expect(booted.end).toBe(127);
  });

  it('is refused as init', async () => {
    const bytes = (await image('hello')).slice(0, 4096);
    await expectPanic({ modules: [{ line: 'init', bytes }] }, 'cannot run init "init": error 8');
  });
});

describe('a module', () => {
  const load = async (change: (bytes: Uint8Array) => Uint8Array, args = '') =>
    bootHere({
      modules: [`init insmod bad ${args}`, { line: 'bad.ko', bytes: change(await image('kerneltest.ko')) }],
    });
  const find = (bytes: Uint8Array, text: string) => Buffer.from(bytes).lastIndexOf(`\0${text}\0`) + 1;
  const shoff = (bytes: Uint8Array) =>
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(ELF_SHOFF, true);

  it.each<[string, (bytes: Uint8Array) => Uint8Array, string]>([
    ['nothing', () => new Uint8Array(0), 'not a 32-bit ELF file'],
    ['another type', bytes => patched(bytes, ELF_TYPE, 2), 'not a relocatable object'],
    ['a cut end', bytes => bytes.slice(0, bytes.length - 100), 'bad section headers'],
    ['section headers outside', bytes => patched(bytes, ELF_SHOFF, 0, 0, 0, 0x7f), 'bad section headers'],
    ['no sections', bytes => patched(bytes, ELF_SHNUM, 0, 0), 'bad section headers'],
    [
      'a section outside',
      bytes => patched(bytes, shoff(bytes) + 40 + 16, 0xff, 0xff, 0xff, 0x7f),
      'outside the file',
    ],
    ['an odd alignment', bytes => patched(bytes, shoff(bytes) + 40 + 32, 3), 'alignment is unreasonable'],
    [
      'a huge alignment',
      bytes => patched(bytes, shoff(bytes) + 40 + 32, 0, 0, 0, 0x80),
      'alignment is unreasonable',
    ],
    [
      'an unknown import',
      bytes => patched(bytes, find(bytes, 'schedule_task'), 0x78),
      'unresolved symbol xchedule_task',
    ],
    ['no init', bytes => patched(bytes, find(bytes, 'init_module'), 0x78), 'no init_module'],
  ])('with %s is refused', async (_, change, text) => {
    const booted = await load(change);
    expect(lineWith(booted, 'module bad:')).toContain(text);
    expect(booted.end).toBe(1);
  });

  it('with an unknown parameter is refused', async () => {
    const booted = await load(bytes => bytes, 'colour=red');
    expect(lineWith(booted, 'module bad:')).toContain('no such parameter: colour=red');
    expect(booted.end).toBe(1);
  });

  it.each(['numbers=x', 'numbers=1,2,3,4', 'numbers='])('with %s is refused', async args => {
    expect(lineWith(await load(bytes => bytes, args), 'module bad:')).toContain(`bad value: ${args}`);
  });

  it('that is loaded twice is refused', async () => {
    const booted = await bootHere({
      options: 'loglevel=3',
      modules: ['init insmod kerneltest ; insmod kerneltest', 'kerneltest.ko'],
    });
    expect(lineWith(booted, 'insmod kerneltest')).toContain('exists already');
  });

  it('whose init fails is unloaded', async () => {
    const booted = await bootHere({
      modules: ['init insmod kerneltest deed=fail_init', 'kerneltest.ko'],
    });
    expect(lineWith(booted, 'module kerneltest:')).toContain('returned -5');
    expect(booted.end).toBe(1);
  });
});

describe('a driver that runs in the kernel', () => {
  it.each([
    ['double_free', 'not a live object'],
    ['free_inside', 'not a live object'],
    ['free_page_twice', 'freed but not in use'],
    ['read_null', 'page fault in ring 0'],
    ['jump_wild', 'page fault in ring 0'],
    ['schedule_in_interrupt', 'schedule in interrupt context'],
    ['lock_twice', 'taken twice'],
    ['write_descriptor_table', 'general protection in ring 0'],
    ['overflow_stack', 'kernel stack of 1 (init) overflowed'],
    ['ruin_stack', 'double fault in ring 0'],
  ])('panics the kernel by %s', async (deed, text) => {
    const modules = [`init insmod kerneltest deed=${deed}`, 'kerneltest.ko'];
    const { console } = await expectPanic({ modules }, text);
    expect(console).toContain('task: 1 (init)');
  });

  it('is told of a use after free', async () => {
    const modules = ['init insmod kerneltest deed=use_after_free', 'kerneltest.ko'];
    const booted = await expectPanic({ modules }, 'went on with 0x5a');
    expect(lineWith(booted, 'written after it was freed')).toContain('byte 3 is 0x1');
  });

  it('is named in the report of its fault', async () => {
    const modules = ['init insmod kerneltest deed=read_null', 'kerneltest.ko'];
    const { console } = await bootHere({ modules });
    expect(console).toMatch(/page fault: vector 14, error code 0, address 00000018/);
    expect(console).toMatch(/in module kerneltest\+0x[0-9a-f]+/);
    expect(console).toMatch(/call trace:\n( {2}[0-9a-f]{8}.*\n)+/);
  });
});
