/** `nooks86 run` with other people's systems: which options go together, and what bad files get for an answer. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildDisk, buildKernel } from '../guest/bios/services.ts';
import { nooks86 } from './command.ts';

let dir: string;
const file = (name: string) => join(dir, name);

/** A ROM whose first instruction behind the reset vector ends the run with code 42. */
function rom(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set([0xb0, 42, 0xe6, 0xf4, 0xf4], size - 0x1000); // mov al, 42; out 0F4h, al; hlt
  bytes.set([0xea, 0x00, 0xf0, 0x00, 0xf0], size - 16); // jmp F000:F000
  return bytes;
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nooks86-boot-'));
  writeFileSync(file('rom64'), rom(0x10000));
  writeFileSync(file('rom256'), rom(0x40000));
  writeFileSync(file('echo'), await buildDisk('echo'));
  const { vmlinux, bzImage } = await buildKernel();
  writeFileSync(file('vmlinux'), vmlinux);
  writeFileSync(file('bzImage'), bzImage);
  writeFileSync(file('odd'), new Uint8Array(0x10001));
  writeFileSync(file('empty'), '');
  writeFileSync(file('junk'), 'x'.repeat(5000));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const run = (args: string) =>
  nooks86(['run', ...args.split(' ').map(a => (a.startsWith('@') ? file(a.slice(1)) : a))]);

describe('nooks86 run', () => {
  it.each(['rom64', 'rom256'])('starts %s at its reset vector', async name => {
    expect(await run(`--bios @${name} --memory 1 --profile flat`)).toEqual({ code: 42, out: '', err: '' });
  });

  it.each(['vmlinux', 'bzImage'])('loads a %s with command line and initrd', async name => {
    writeFileSync(file('initrd'), '0707cpio');
    const ran = await run(`--linux @${name} --initrd @initrd --append console=ttyS0 --memory 8`);
    expect(ran).toEqual({ code: 3, out: 'console=ttyS0 0707\n', err: '' });
    expect(await run(`--linux @${name} --memory 2`)).toEqual({ code: 3, out: ' \n', err: '' });
  });

  it('says where a Linux kernel ended, by its symbols', async () => {
    const ran = await run('--linux @vmlinux --memory 2 --max-cycles 10');
    expect(ran.code).toBe(103);
    expect(ran.err).toMatch(/cycle limit reached at _start/);
  });

  it('boots a disk, types, shows the screen and the POST codes, and forgets what was written', async () => {
    const before = readFileSync(file('echo'));
    const ran = await run('--disk @echo --memory 2 --keys Hello<enter> --screen --post-port 0x80');
    expect(ran.code).toBe(5);
    expect(ran.out).toContain(
      'nooks86 BIOS\r\n636 KiB conventional, 1024 KiB extended memory\r\ndisk 0: 2016 sectors',
    );
    expect(ran.out.trimEnd().split('\n').at(-1)).toBe('Hello');
    expect(ran.err).toContain('nooks86: port 0x80: 01 02 03 04 05 06 12\n');
    expect(readFileSync(file('echo')).equals(before)).toBe(true);
  });

  it('watches another port, and writes to the disk when asked', async () => {
    writeFileSync(file('own'), readFileSync(file('echo')));
    const ran = await run('--disk @own --memory 2 --write --keys x<f1>y<enter> --post-port 768');
    // F1 has no character: a 0.
    expect(ran.code).toBe(3);
    expect(ran.err).toContain('nooks86: port 0x300: 34\n');
    expect([...readFileSync(file('own')).subarray(512, 516)]).toEqual([0x78, 0, 0x79, 0]);
  });

  it('boots from the first of several disks', async () => {
    const ran = await run('--disk @echo --disk @junk --disk @rom64 --disk @own --memory 2 --keys <enter>');
    expect([ran.code, ran.out.match(/disk \d: \d+/g)]).toEqual([
      0,
      ['disk 0: 2016', 'disk 1: 10', 'disk 2: 128', 'disk 3: 2016'],
    ]);
  });

  it('says what cannot be booted', async () => {
    const ran = await run('--disk @junk --memory 2');
    expect(ran.code).toBe(102);
    expect(ran.out).toContain('Boot: no boot signature 55 AA. No bootable device.');
    expect(ran.err).toContain('halted with interrupts off');
  });

  it.each([
    ['--memory 4', 'nothing to boot: give an image, --linux, --disk or --bios'],
    ['@junk --linux @junk', 'only one of an image, --linux and --bios'],
    ['@junk --bios @rom64', 'only one of an image, --linux and --bios'],
    ['--linux @junk --bios @rom64', 'only one of an image, --linux and --bios'],
    ['@junk --initrd @junk', '--initrd goes with --linux only'],
    ['--bios @rom64 --append x', '--append goes with an image or --linux only'],
    ['--bios @rom64 --module @junk', '--module goes with a Multiboot image only'],
    ['--bios @odd', 'ROM of 65537 bytes: must be 64 KiB to 16 MiB in steps of 64 KiB'],
    ['--bios @empty', 'ROM of 0 bytes'],
    ['--bios @nothing', 'no such file'],
    ['--disk @nothing', 'cannot open disk image'],
    ['--disk @empty', 'is empty'],
    ['--disk @echo --disk @nothing', 'cannot open disk image'],
    ['--disk @echo --disk @echo --disk @echo --disk @echo --disk @echo', 'there is room for 4 disks'],
    ['--bios @rom64 --write', '--write goes with --disk only'],
    ['--disk @junk --write', 'no whole number of sectors'],
    ['--bios @rom64 --post-port 0x10000', '--post-port must be a port from 0 to 0xffff, not 0x10000'],
    ['--bios @rom64 --post-port x', '--post-port must be a port'],
    ['--bios @rom64 --keys <nokey>', '--keys: no key nokey in <nokey>'],
    ['--bios @rom64 --keys <a+>', '--keys: no key + in <a+>'],
    ['--bios @rom64 --keys ä', '--keys: no key gives "ä"'],
    ['--bios @rom64 --keys-after -1', '--keys-after must be a whole number'],
    ['--linux @nothing', 'no such file'],
    ['--linux @empty', 'neither an ELF file nor a bzImage'],
    ['--linux @junk', 'neither an ELF file nor a bzImage'],
    ['--linux @junk --initrd @nothing', 'no such file'],
  ])('answers %s in one line', async (args, line) => {
    const ran = await run(args);
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(ran.err).toMatch(/^nooks86: [^\n]+\n$/);
    expect(ran.err).toContain(line);
  });
});
