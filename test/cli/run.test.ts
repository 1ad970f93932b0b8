import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerRun } from '../../cli/commands/run.ts';
import type { MachineOptions, RunEnd, RunMachine } from '../../cli/machine.ts';
import { GuestError } from '../../guest/error.ts';
import type { BootRegisters } from '../../guest/multiboot.ts';
import { tinyElf } from '../guest/tiny-elf.ts';
import { nooks86 } from './command.ts';

/** A machine whose guest prints its command line and then ends as the test wants, at cycle 50 million. */
class ScriptedMachine implements RunMachine {
  readonly ramSize: number;
  readonly options: MachineOptions;
  entry: BootRegisters | undefined;
  closed = false;
  slices = 0;
  private readonly ram: Uint8Array;
  private readonly end: RunEnd;
  private now = 0;

  constructor(options: MachineOptions, end: RunEnd) {
    this.options = options;
    this.ramSize = options.memoryBytes;
    this.ram = new Uint8Array(this.ramSize);
    this.end = end;
  }

  writePhysical(physical: number, bytes: Uint8Array): void {
    this.ram.set(bytes, physical);
  }

  writeFirmware(): void {}

  pressKeys(): void {}

  screen(): undefined {}

  setEntry(registers: BootRegisters): void {
    this.entry = registers;
  }

  run(untilCycle: number): RunEnd {
    if (this.slices++ === 0) this.print(`${this.string(16)}\n`);
    this.now = Math.min(untilCycle, 50_000_000);
    if (this.now < 50_000_000) return { reason: 'limit' };
    this.print('tail');
    return this.end;
  }

  /** The string that word `offset` of the Multiboot information points to. */
  string(offset: number): string {
    const at = this.word(this.entry!.ebx + offset);
    return Buffer.from(this.ram.subarray(at, this.ram.indexOf(0, at))).toString();
  }

  word(at: number): number {
    return new DataView(this.ram.buffer).getUint32(at, true);
  }

  moduleString(i: number): string {
    const at = this.word(this.word(this.entry!.ebx + 24) + 16 * i + 8);
    return Buffer.from(this.ram.subarray(at, this.ram.indexOf(0, at))).toString();
  }

  cycles(): number {
    return this.now;
  }

  instructionPointer(): number {
    return 0x100012;
  }

  registers(): [string, number][] {
    return [
      ['eip', 0x100012],
      ['cr2', -1],
    ];
  }

  close(): void {
    this.closed = true;
  }

  private print(text: string): void {
    for (const byte of Buffer.from(text)) this.options.onSerial(byte);
  }
}

let dir: string;
let image: string;
let last: ScriptedMachine;

const run = (args: string[], end: RunEnd = { reason: 'exit', code: 0 }) =>
  nooks86(
    ['run', ...args],
    [
      (program, context) =>
        registerRun(program, context, options => {
          if (options.profile === 'nope') throw new GuestError('no profile nope');
          last = new ScriptedMachine(options, end);
          return last;
        }),
    ],
  );

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'nooks86-run-'));
  image = join(dir, 'kernel.elf');
  const header = new Uint8Array(Uint32Array.of(0x1badb002, 0, -0x1badb002).buffer);
  const text = { name: '.text', flags: 6, address: 0xc0100000, data: new Uint8Array(32) };
  const symbols = [{ name: 'do_thing', value: 0xc0100010, size: 16, section: 1 }];
  const segments = [{ virtual: 0xc0100000, physical: 0x100000, data: header, memory: 32 }];
  writeFileSync(image, tinyElf({ entry: 0xc010000c, segments, sections: [text], symbols }));
  writeFileSync(join(dir, 'e1000.ko'), 'module');
  writeFileSync(join(dir, 'junk'), 'not a kernel');
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('nooks86 run', () => {
  it('boots the image, passes the serial port on, and exits with the guest code', async () => {
    expect(await run([image], { reason: 'exit', code: 7 })).toEqual({
      code: 7,
      out: 'kernel.elf\ntail',
      err: '',
    });
    expect(last.entry).toMatchObject({ eip: 0x10000c, eax: 0x2badb002 });
    expect(last.options).toMatchObject({ profile: 'p4-1700', memoryBytes: 64 << 20 });
    expect(last.closed).toBe(true);
    // It paused on its way, or `nooks86 run ... | head` would never end.
    expect(last.slices).toBeGreaterThan(1);
  });

  it('passes options, command line and modules', async () => {
    const module = `${join(dir, 'e1000.ko')} debug=1  x`;
    const ran = await run([
      ...[image, '--append', 'isolation=nooks', '--memory', '8', '--profile', 'flat', '--pcap', 'p'],
      ...['--module', module, '--module', join(dir, 'junk')],
    ]);
    expect(ran.out).toBe('kernel.elf isolation=nooks\ntail');
    expect(last.options).toMatchObject({ profile: 'flat', memoryBytes: 8 << 20, pcap: 'p' });
    expect([last.moduleString(0), last.moduleString(1)]).toEqual(['e1000.ko debug=1  x', 'junk']);
  });

  it.each<[RunEnd['reason'], number, string]>([
    ['triple-fault', 101, 'triple fault'],
    ['halted', 102, 'halted with interrupts off'],
    ['limit', 103, 'cycle limit reached'],
  ])('says where a run ends by %s', async (reason, code, what) => {
    const ran = await run([image, '--max-cycles', '50000000'], { reason } as RunEnd);
    expect(ran.code).toBe(code);
    expect(ran.err).toBe(
      `nooks86: ${what} at do_thing+0x2 after 50000000 cycles\n  eip=00100012 cr2=ffffffff\n`,
    );
  });

  it('stops at the limit, not at the end of a slice', async () => {
    const ran = await run([image, '--max-cycles', '30_000_001']);
    expect([ran.code, last.cycles()]).toEqual([103, 30_000_001]);
  });

  it('does not let a guest code look like one of ours', async () => {
    const ran = await run([image], { reason: 'exit', code: 101 });
    expect(ran.code).toBe(99);
    expect(ran.err).toContain('exits with 101');
  });

  it.each([
    [['IMAGE', '--memory', '0'], '--memory must be a whole number from 1 to 2048, not 0'],
    [['IMAGE', '--memory', 'lots'], '--memory must be a whole number from 1 to 2048, not lots'],
    [['IMAGE', '--memory', '1.5'], '--memory must be a whole number from 1 to 2048, not 1.5'],
    [['IMAGE', '--max-cycles', '-1'], '--max-cycles must be a whole number from 1 to'],
    [['IMAGE', '--max-cycles', '1e99'], '--max-cycles must be a whole number from 1 to'],
    [['IMAGE', '--profile', 'nope'], 'no profile nope'],
    [['IMAGE', '--module', '/nonexistent/x.ko arg'], 'no such file: /nonexistent/x.ko'],
    [['IMAGE', '--module', ''], 'no such file: '],
    [['IMAGE', 'too', 'many'], 'too many arguments'],
    [[], 'nothing to boot: give an image, --linux, --disk or --bios'],
    [['/nonexistent.elf'], 'no such file: /nonexistent.elf'],
    [['/'], '/ is not a regular file'],
    [['/dev/zero'], '/dev/zero is not a regular file'],
    [['JUNK'], 'junk: no Multiboot header'],
  ])('answers %j with one line and exit code 2', async (args, line) => {
    const ran = await run(args.map(a => a.replace('IMAGE', image).replace('JUNK', join(dir, 'junk'))));
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(ran.err).toMatch(/^nooks86: [^\n]+\n$/);
    expect(ran.err).toContain(line);
  });

  it('closes the machine when the image is bad', async () => {
    await run([join(dir, 'junk')]);
    expect(last.closed).toBe(true);
  });
});
