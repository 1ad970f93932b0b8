/** ROM and the 440FX's attribute map, by small real-mode programs in a ROM of our own. */
import { describe, expect, it } from 'vitest';
import { Machine } from '../../emu/machine.ts';
import { profiles } from '../../emu/profile/index.ts';
import { checkRom } from '../../emu/rom.ts';
import { seeded } from '../guest/tiny-elf.ts';

const KIB = 1024;
const LIMIT = 1_000_000;

/** A ROM of `size` bytes full of `fill` whose reset vector jumps to `code` at F000:E000. */
function romWith(code: number[], size = 128 * KIB, fill = 0x5a): Uint8Array {
  const rom = new Uint8Array(size).fill(fill);
  rom.set(code, size - 0x2000);
  rom.set([0xea, 0x00, 0xe0, 0x00, 0xf0], size - 16); // jmp F000:E000
  return rom;
}

/** Ends the run with AL as the exit code. */
const EXIT = [0xe6, 0xf4];
const word = (v: number) => [v & 0xff, (v >> 8) & 0xff];
const dword = (v: number) => [...word(v), ...word(v >>> 16)];
/** mov eax, address of a register of the host bridge; mov dx, 0CF8h; out dx, eax. */
const select = (register: number) => [
  0x66,
  0xb8,
  ...dword(0x80000000 | (register & 0xfc)),
  0xba,
  ...word(0xcf8),
  0x66,
  0xef,
];
/** Writes a byte of the host bridge's configuration space. */
const pam = (register: number, value: number) => [
  ...select(register),
  ...[0xba, ...word(0xcfc + (register & 3)), 0xb0, value, 0xee],
];
/** mov ax, seg; mov ds, ax */
const ds = (segment: number) => [0xb8, ...word(segment), 0x8e, 0xd8];
const readAl = (offset: number) => [0xa0, ...word(offset)];
const writeByte = (offset: number, value: number) => [0xc6, 0x06, ...word(offset), value];

function run(code: number[], size?: number): { code: number; machine: Machine } {
  const machine = new Machine({ profile: profiles.flat, memoryBytes: 2 << 20, bios: romWith(code, size) });
  const end = machine.run(LIMIT);
  return { code: end.reason === 'exit' ? end.code : -1, machine };
}

describe('the ROM', () => {
  it('starts at the reset vector, in real mode', () => {
    const { code, machine } = run([0x8c, 0xc8, 0x88, 0xe0, ...EXIT]); // mov ax, cs; mov al, ah
    expect(code).toBe(0xf0);
    expect(machine.cpu.cr0 & 1).toBe(0);
  });

  it.each([
    ['64 KiB', 64, 0xe0000, 0xff],
    ['128 KiB', 128, 0xe0000, 0x5a],
    ['256 KiB', 256, 0xe0000, 0x5a],
    ['256 KiB', 256, 0xd0000, 0xff],
  ])('of %s shows its last part below 1 MiB', (_what, kib, at, byte) => {
    expect(run([...ds(at >> 4), ...readAl(0), ...EXIT], kib * KIB).code).toBe(byte);
  });

  it('does not take writes', () => {
    expect(run([...ds(0xe000), ...writeByte(4, 7), ...readAl(4), ...EXIT]).code).toBe(0x5a);
  });

  it('lets RAM be written behind it, and then be read', () => {
    // E0000 to E3FFF: the low nibble of 5Eh.
    const writeOnly = [...pam(0x5e, 2), ...ds(0xe000), ...writeByte(4, 7)];
    expect(run([...writeOnly, ...readAl(4), ...EXIT]).code).toBe(0x5a);
    expect(run([...writeOnly, ...pam(0x5e, 1), ...readAl(4), ...EXIT]).code).toBe(7);
    expect(run([...writeOnly, ...pam(0x5e, 1), ...writeByte(4, 9), ...readAl(4), ...EXIT]).code).toBe(7);
    expect(run([...writeOnly, ...pam(0x5e, 3), ...writeByte(4, 9), ...readAl(4), ...EXIT]).code).toBe(9);
    expect(run([...writeOnly, ...pam(0x5e, 3), ...pam(0x5e, 0), ...readAl(4), ...EXIT]).code).toBe(0x5a);
  });

  it.each<[number, number, number]>([
    [0x5a, 0x03, 0xc0000],
    [0x5a, 0x30, 0xc4000],
    [0x5b, 0x03, 0xc8000],
    [0x5c, 0x30, 0xd4000],
    [0x5f, 0x30, 0xec000],
  ])('register %x, value %x is the segment at %x and no other', (register, value, at) => {
    const write = (segment: number) => [...ds(segment >> 4), ...writeByte(0, 0x11), ...readAl(0)];
    expect(run([...pam(register, value), ...write(at), ...EXIT]).code).toBe(0x11);
    expect(
      run([...pam(register, value), ...write(at + 0x4000 === 0xf0000 ? 0xe8000 : at + 0x4000), ...EXIT]).code,
    ).not.toBe(0x11);
  });

  it('is run again after a reset by port 92h and by CF9h, with what RAM held', () => {
    // mov ds, 0; inc byte [500h]; mov al, [500h]; cmp al, 3; je exit; reset
    const again = (reset: number[]) => [
      ...[0x31, 0xc0, 0x8e, 0xd8, 0xfe, 0x06, ...word(0x500), ...readAl(0x500), 0x3c, 3, 0x75, 2],
      ...EXIT,
      ...reset,
      0xf4,
    ];
    expect(run(again([0xb0, 0, 0xe6, 0x92, 0xb0, 1, 0xe6, 0x92])).code).toBe(3);
    expect(run(again([0xba, ...word(0xcf9), 0xb0, 2, 0xee, 0xb0, 6, 0xee])).code).toBe(3);
  });

  it('survives a snapshot: attributes, hidden RAM and all', () => {
    const code = [
      ...[...pam(0x5e, 2), ...ds(0xe000), ...writeByte(4, 7)],
      ...[0xb0, 1, ...EXIT, ...pam(0x5e, 3), ...readAl(4), ...EXIT],
    ];
    const { code: first, machine } = run(code);
    expect(first).toBe(1);
    const snapshot = machine.snapshot();
    const other = new Machine({ profile: profiles.flat, memoryBytes: 2 << 20, bios: romWith(code) });
    other.restore(snapshot);
    expect(other.run(LIMIT)).toEqual({ reason: 'exit', code: 7 });
    expect(machine.run(LIMIT)).toEqual({ reason: 'exit', code: 7 });
  });

  it('may hold anything: the machine goes on or ends, and the host does not notice', () => {
    const random = seeded(86);
    const ends = new Set<string>();
    for (let n = 0; n < 40; n++) {
      const rom = Uint8Array.from({ length: 64 * KIB }, random);
      const machine = new Machine({ profile: profiles.flat, memoryBytes: 1 << 20, bios: rom });
      ends.add(machine.run(20_000).reason);
    }
    expect([...ends].filter(end => !['limit', 'halted', 'triple-fault', 'exit'].includes(end))).toEqual([]);
  });

  it.each([0, 1, 65535, 64 * KIB + 1, 17 << 20])('cannot be of %i bytes', size => {
    expect(() => checkRom(new Uint8Array(size))).toThrow('64 KiB to 16 MiB');
  });
});
