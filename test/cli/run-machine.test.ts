/** `nooks86 run` on the real machine: small guests, compiled by the pinned compiler, end in every way there is. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { artefact, buildTargets } from '../../guest/build.ts';
import { cacheRoot } from '../../guest/project.ts';
import { nooks86 } from './command.ts';

/** Each guest's code after it has printed its name. */
const GUESTS: Record<string, string> = {
  success: 'mov $0, %al; out %al, $0xf4',
  seven: 'mov $7, %al; out %al, $0xf4',
  too_high: 'mov $101, %eax; out %eax, $0xf4',
  triple: 'lidt nowhere; .globl here; here: ud2; nowhere: .long 0, 0',
  halt: '.globl here; here: cli; hlt',
  probe: 'mov $0x1234, %dx; inb %dx, %al; inb %dx, %al; outw %ax, %dx; mov $0, %al; out %al, $0xf4',
  spin: '.globl here; here: jmp here',
};

const SOURCE = (name: string, code: string) => `
	.section .multiboot, "a"
	.long 0x1BADB002, 0, -0x1BADB002
	.text
	.globl _start
_start:	mov $0x3FB, %dx
	mov $3, %al
	outb %al, %dx
	mov $0x3F8, %dx
	mov $name, %esi
1:	lodsb
	test %al, %al
	jz 2f
	mov %al, %bl
3:	add $5, %dx
	inb %dx, %al
	sub $5, %dx
	test $0x20, %al
	jz 3b
	mov %bl, %al
	outb %al, %dx
	jmp 1b
2:	${code}
4:	jmp 4b
name:	.asciz "${name}\\n"
`;

const SCRIPT = 'ENTRY(_start) SECTIONS { . = 0x100000; .text : { KEEP(*(.multiboot)) *(.text) } }';

let root: string;
let images: (name: string) => string;

beforeAll(async () => {
  mkdirSync(cacheRoot(), { recursive: true });
  root = mkdtempSync(join(cacheRoot(), 'test-run-'));
  writeFileSync(join(root, 'link.ld'), SCRIPT);
  const targets = Object.entries(GUESTS).map(([name, code]) => {
    writeFileSync(join(root, `${name}.S`), SOURCE(name, code));
    const sources = [`${name}.S`];
    return {
      name: `${name}.elf`,
      kind: 'kernel' as const,
      sources,
      library: [],
      flags: [],
      script: 'link.ld',
    };
  });
  const build = await buildTargets(targets, [], { root });
  images = name => artefact(build, `${name}.elf`);
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const run = (name: string, ...args: string[]) => nooks86(['run', images(name), '--memory', '2', ...args]);

describe('nooks86 run', () => {
  it.each([
    ['success', 0],
    ['seven', 7],
  ])('gives the code that %s writes to the exit port, and all of its output', async (name, code) => {
    expect(await run(name)).toEqual({ code, out: `${name}\n`, err: '' });
  });

  it('says once, with eip, what the guest asks for that is not there', async () => {
    const ran = await run('probe');
    expect([ran.code, ran.out]).toEqual([0, 'probe\n']);
    expect(ran.err).toMatch(
      /^nooks86: no port 0x1234 \(read\) at eip 0x1000[0-9a-f]{2}\nnooks86: no port 0x1235 \(write\) at eip 0x1000[0-9a-f]{2}\n$/,
    );
  });

  it('keeps a code of the guest apart from its own', async () => {
    expect(await run('too_high')).toMatchObject({ code: 99, out: 'too_high\n' });
  });

  it.each([
    ['triple', 101, 'triple fault'],
    ['halt', 102, 'halted with interrupts off'],
    ['spin', 103, 'cycle limit reached'],
  ])('says where %s ends', async (name, code, what) => {
    const ran = await run(name, '--max-cycles', '30_000_000');
    expect([ran.code, ran.out]).toEqual([code, `${name}\n`]);
    expect(ran.err).toMatch(
      new RegExp(`^nooks86: ${what} at here(\\+0x[0-9a-f]+)? \\(.*${name}\\.S:\\d+\\) after \\d+ cycles\\n`),
    );
    expect(ran.err).toMatch(/ {2}eip=001000[0-9a-f]{2} efl=[0-9a-f]{8}/);
  });

  it.each([['p3-1000'], ['flat']])('runs with the profile %s', async profile => {
    expect(await run('seven', '--profile', profile)).toEqual({ code: 7, out: 'seven\n', err: '' });
  });

  it('takes the same cycles each time', async () => {
    const [first, second] = [await run('halt'), await run('halt')];
    expect(second).toEqual(first);
  });

  it('writes a capture file, empty but whole when nothing was sent', async () => {
    const file = join(root, 'wire.pcap');
    expect((await run('success', '--pcap', file)).code).toBe(0);
    const bytes = readFileSync(file);
    expect([bytes.readUInt32LE(0), bytes.length]).toEqual([0xa1b23c4d, 24]);
  });

  it.each([
    [['--profile', 'toString'], 'unknown profile toString; there are: '],
    [['--profile', 'nope'], 'unknown profile nope; there are: p4-1700, '],
    [['--pcap', '/nonexistent/x.pcap'], 'cannot write /nonexistent/x.pcap'],
    [['--memory', '1'], 'memory too small'],
  ])('answers %j in one line', async (args, line) => {
    const ran = await run('success', ...args);
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(ran.err).toMatch(/^nooks86: [^\n]+\n$/);
    expect(ran.err).toContain(line);
  });
});
