/**
 * Our BIOS answers services.S as SeaBIOS does, on QEMU and on our own machine. Where it may differ, and why, is said
 * below; everything else must be equal to the last flag.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type BlockBackend, MemoryDisk, Overlay } from '../../emu/devices/ide/block.ts';
import { Machine } from '../../emu/machine.ts';
import { profiles } from '../../emu/profile/index.ts';
import { buildBios } from '../../guest/bios.ts';
import { answersOf, buildDisk, haveQemu, nameOf, underQemu } from './bios/services.ts';

/** Our answer where it is not SeaBIOS's, without the name. */
const OURS: Record<string, [answer: string, why: string]> = {
  '11': ['0222 0000 0000 0000 -Z', 'no diskettes, no printer, no mouse'],
  '12': ['027C 0000 0000 0000 -Z', 'an EBDA of 4 KiB'],
  '13/02 sector 0': ['0100 C000 0000 0080 CZ', 'AL is the number of sectors read'],
  '13/02 head 16': ['0100 C000 0001 1080 CZ', 'the same'],
  '13/02 cylinder 900': ['0100 C000 84C1 0080 CZ', 'the same'],
  '13/08': ['0000 0000 013F 0F01 -Z', 'SeaBIOS keeps the last cylinder back'],
  '13/15': ['0300 0000 0000 07E0 -Z', 'the same'],
  '13/15 none': ['0000 0000 0000 0085 -Z', 'type 0 is an answer, not an error'],
  '13/41': ['2100 AA55 0005 0080 -Z', 'EDD 1.1, without locking'],
  '13/41 bad': ['0100 55AB 0000 0080 CZ', 'BX must be 55AAh'],
  '14/03 no port': ['8000 0000 0000 0003 -Z', 'a time-out'],
  '15/88': ['7C00 0000 0000 0000 -Z', 'no ACPI tables at the end of RAM'],
  '15/e801': ['3C00 0100 3C00 0100 --', 'the same'],
  '15/86': ['0000 0000 0000 03E8 -Z', 'AH is 0 on success'],
  '15/83': ['0000 C000 0000 1388 -Z', 'the same'],
  '15/c0': ['0000 * 0000 0000 --', 'where the table lies'],
  '15/5300': ['8600 0000 0000 0000 CZ', 'no APM'],
  '1a/03': ['0000 0000 1234 5600 -Z', 'AL is not defined'],
  '1a/05': ['0000 0000 2031 0714 -Z', 'the same'],
  '1a/b102 bad': ['8302 0000 1237 FFFF CZ', 'bad vendor, as PCI BIOS 2.1 has it'],
  '1a/b109 odd': ['8709 0000 0000 0000 CZ', 'bad register number, as PCI BIOS 2.1 has it'],
};

/** What our own machine adds: the answer, and why QEMU's is another. */
const MACHINE: Record<string, [answer: string, why: string]> = {
  '14/01': ['2041 0000 0000 0000 -Z', 'a character takes its time to leave the UART'],
  '14/03': ['20B0 0000 0000 0000 -Z', 'the same'],
  '1a/b108 latency': ['0008 0000 0040 0000 -Z', "the 82441FX's latency timer can be written"],
};

/** SeaBIOS on our machine, which gives it no VGA BIOS, no mouse that it knows of, and no ACPI tables to make room for. */
const SEABIOS_HERE: Record<string, [answer: string, why: string]> = {
  ...MACHINE,
  '11': ['4206 0000 0000 0000 -Z', 'no diskettes, no VGA BIOS to set the mode'],
  '14/01': ['6041 0000 0000 0000 -Z', 'SeaBIOS waits until the character has gone'],
  '15/88': ['7C00 0000 0000 0000 -Z', 'no ACPI tables at the end of RAM'],
  '15/e801': ['3C00 0100 3C00 0100 --', 'the same'],
};
const SEABIOS = '/usr/share/seabios/bios.bin';

const recorded = answersOf(readFileSync(join(import.meta.dirname, 'bios/seabios.txt'), 'latin1'));

/** The recorded answers with our own in place of those that differ. */
function expected(actual: string[], others: typeof OURS): string[] {
  return recorded.map((line, n) => {
    const own = others[nameOf(line)]?.[0];
    if (own === undefined) return line;
    const free = own.indexOf('*');
    const there = actual[n]?.slice(nameOf(line).length + 1) ?? '';
    return `${nameOf(line)} ${free < 0 ? own : own.replace('*', there.slice(free, free + 4))}`;
  });
}

/** Dates differ from run to run: the answers to 1a/02 before it is set. */
const timeless = (lines: string[]) => lines.filter(line => nameOf(line) !== '1a/02');

/** What a disk prints on port E9 on our machine, which has to end as it should. */
function onMachine(image: Uint8Array, rom: Uint8Array, reason = 'exit'): string {
  return diskOnMachine(new MemoryDisk(image.slice()), rom, reason);
}

function diskOnMachine(image: BlockBackend, rom: Uint8Array, reason = 'exit'): string {
  let output = '';
  const machine = new Machine({
    profile: profiles['p4-1700'],
    memoryBytes: 32 << 20,
    bios: rom,
    disks: [image],
    onE9: byte => {
      output += String.fromCharCode(byte);
    },
  });
  expect(machine.run(20e9).reason).toBe(reason);
  return output;
}

let disk: Uint8Array;
let bios: Uint8Array;

beforeAll(async () => {
  disk = await buildDisk('services');
  bios = await buildBios();
});

describe('the BIOS', () => {
  it('is a ROM of 64 KiB with a reset vector, a date and the tables that systems look for', () => {
    expect(bios.length).toBe(0x10000);
    expect([...bios.subarray(0xfff0, 0xfff5)]).toEqual([0xea, 0x5b, 0xe0, 0x00, 0xf0]);
    expect(Buffer.from(bios.subarray(0xfff5, 0xfffd)).toString()).toMatch(/^\d\d\/\d\d\/\d\d$/);
    expect(bios[0xfffe]).toBe(0xfc);
    const pir = Buffer.from(bios).indexOf('$PIR');
    expect(pir % 16).toBe(0);
    const size = bios[pir + 6] | (bios[pir + 7] << 8);
    expect(bios.subarray(pir, pir + size).reduce((sum, b) => sum + b, 0) & 0xff).toBe(0);
  });

  it('has an answer for each of ours', () => {
    const names = recorded.map(nameOf);
    expect(recorded.length).toBeGreaterThan(150);
    expect(Object.keys(OURS).filter(name => !names.includes(name))).toEqual([]);
  });

  it.skipIf(!haveQemu())('answers on QEMU as SeaBIOS did', () => {
    const actual = answersOf(underQemu(disk, bios));
    expect(timeless(actual)).toEqual(timeless(expected(actual, OURS)));
  });

  it('waits for keyboard and disk by time, however fast the ports answer', () => {
    const sector = new Uint8Array(512);
    // xor ah,ah; int 16h; out 0xe9,al; out 0xf4,al
    sector.set([0x30, 0xe4, 0xcd, 0x16, 0xe6, 0xe9, 0xe6, 0xf4]);
    sector.set([0x55, 0xaa], 510);
    let output = '';
    const machine = new Machine({
      // Its ports take one cycle; a slow clock makes that 20 ns, and the keyboard's test 25 million cycles.
      profile: { ...profiles.flat, clockHz: { ...profiles.flat.clockHz, value: 50e6 } },
      memoryBytes: 1 << 20,
      bios,
      disks: [new MemoryDisk(sector)],
      onE9: byte => {
        output += String.fromCharCode(byte);
      },
    });
    machine.keyboardController.keyboard.pressKeys(['k'], 2 * machine.clock.ticksPerSecond);
    expect(machine.run(200e6).reason).toBe('exit');
    expect(output.at(-1)).toBe('k');
  });

  it('answers on our machine as SeaBIOS did on QEMU', () => {
    const output = onMachine(disk, bios);
    expect(output).toContain(
      'nooks86 BIOS\r\n636 KiB conventional, 31744 KiB extended memory\r\ndisk 0: 2016 sectors',
    );
    const actual = answersOf(output);
    expect(timeless(actual)).toEqual(timeless(expected(actual, { ...OURS, ...MACHINE })));
  });

  it.skipIf(!existsSync(SEABIOS))('leaves room for another: SeaBIOS runs on our machine as on QEMU', () => {
    const screenless = (lines: string[]) => timeless(lines).filter(line => !/^(10\/|cell )/.test(line));
    const actual = answersOf(onMachine(disk, readFileSync(SEABIOS)));
    expect(screenless(actual)).toEqual(screenless(expected(actual, SEABIOS_HERE)));
  });

  it('reaches across the end of 28-bit addresses', async () => {
    const border = 2 ** 28 - 1;
    const empty = { sectors: 2 ** 28 + 1000, read: (_: number, into: Uint8Array) => void into.fill(0) };
    const large = new Overlay({ ...empty, write: () => {}, flush: () => {} });
    large.write(0, (await buildDisk('lba48')).subarray(0, 512));
    large.write(border, new Uint8Array(512).fill(0x41));
    large.write(border + 1, new Uint8Array(512).fill(0x42));
    expect(diskOnMachine(large, bios)).toMatch(/disk 0: 268436456 sectors\r\nABXv$/);
  });

  it('says what there is not to boot', () => {
    const blank = new Uint8Array(disk.length);
    expect(onMachine(blank, bios, 'halted')).toContain('Boot: no boot signature 55 AA. No bootable device.');
  });

  it.skipIf(!haveQemu())('is compared with what SeaBIOS still says', () => {
    expect(timeless(answersOf(underQemu(disk)))).toEqual(timeless(recorded));
  });
});
