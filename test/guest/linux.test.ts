/** The Linux loader on kernels made here: offsets and rules are boot.rst's, written down again as numbers. */
import { describe, expect, it } from 'vitest';
import { GuestError } from '../../guest/error.ts';
import { type LinuxImage, loadLinux } from '../../guest/linux.ts';
import type { LoadTarget } from '../../guest/multiboot.ts';
import { seeded, tinyElf } from './tiny-elf.ts';

const MIB = 1 << 20;

class Ram implements LoadTarget {
  readonly ramSize: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(ramSize = 8 * MIB) {
    this.ramSize = ramSize;
    this.bytes = new Uint8Array(ramSize);
    this.bytes.fill(0xa5, 0, 16 * MIB);
    this.view = new DataView(this.bytes.buffer);
  }

  writePhysical(physical: number, bytes: Uint8Array): void {
    if (physical + bytes.length > this.ramSize) throw new RangeError('not RAM');
    this.bytes.set(bytes, physical);
  }

  text(at: number): string {
    return Buffer.from(this.bytes.subarray(at, this.bytes.indexOf(0, at))).toString();
  }
}

interface Fields {
  setupSects: number;
  payload: number;
  syssize: number;
  bootFlag: number;
  magic: number;
  version: number;
  loadflags: number;
  code32: number;
  initrdMax: number;
  cmdlineSize: number;
  initSize: number;
}

/** A bzImage whose protected-mode part is `payload` bytes that count up. */
function bzImage(changes: Partial<Fields> = {}): Uint8Array {
  const f: Fields = {
    setupSects: 2,
    payload: 0x2000,
    syssize: 0x200,
    bootFlag: 0xaa55,
    magic: 0x53726448,
    version: 0x20f,
    loadflags: 1,
    code32: MIB,
    initrdMax: 0x7fffffff,
    cmdlineSize: 2047,
    initSize: 0x100000,
    ...changes,
  };
  const start = ((f.setupSects || 4) + 1) * 512;
  const bytes = new Uint8Array(start + f.payload);
  const view = new DataView(bytes.buffer);
  view.setUint8(0x1f1, f.setupSects);
  view.setUint32(0x1f4, f.syssize, true);
  view.setUint16(0x1fe, f.bootFlag, true);
  view.setUint16(0x200, 0x6aeb, true);
  view.setUint32(0x202, f.magic, true);
  view.setUint16(0x206, f.version, true);
  view.setUint8(0x211, f.loadflags);
  view.setUint32(0x214, f.code32, true);
  view.setUint32(0x22c, f.initrdMax, true);
  view.setUint32(0x238, f.cmdlineSize, true);
  view.setUint32(0x260, f.initSize, true);
  for (let i = 0; i < f.payload; i++) bytes[start + i] = i * 7;
  return bytes;
}

const load = (ram: Ram, image: Partial<LinuxImage> & { bytes: Uint8Array }) =>
  loadLinux(ram, { name: 'bzImage', ...image });

describe('loadLinux', () => {
  it('puts the protected-mode part at its address and enters there', () => {
    const ram = new Ram();
    const registers = load(ram, { bytes: bzImage() });
    expect(registers).toMatchObject({ eip: MIB, ebx: 0, gdt: { code: 0x10, data: 0x18 } });
    expect([...ram.bytes.subarray(MIB, MIB + 4)]).toEqual([0, 7, 14, 21]);
    expect(ram.bytes[MIB + 0x1fff]).toBe((0x1fff * 7) & 0xff);
    expect(ram.bytes[MIB + 0x2000]).toBe(0xa5);
  });

  it('takes 0 setup sectors for 4', () => {
    const ram = new Ram();
    load(ram, { bytes: bzImage({ setupSects: 0 }) });
    expect([...ram.bytes.subarray(MIB, MIB + 3)]).toEqual([0, 7, 14]);
  });

  it('fills the zero page: header, loader, screen, memory map, command line', () => {
    const ram = new Ram(16 * MIB);
    const { esi } = load(ram, { bytes: bzImage(), commandLine: 'console=ttyS0 quiet' });
    const page = new DataView(ram.bytes.buffer, esi, 4096);
    expect(page.getUint32(0x202, true)).toBe(0x53726448);
    expect(page.getUint16(0x206, true)).toBe(0x20f);
    expect(page.getUint8(0x210)).toBe(0xff);
    expect(ram.text(page.getUint32(0x228, true))).toBe('console=ttyS0 quiet');
    expect([page.getUint32(0x218, true), page.getUint32(0x21c, true)]).toEqual([0, 0]);
    // 80 by 25, mode 3, VGA.
    expect([0x06, 0x07, 0x0e, 0x0f, 0x10].map(at => page.getUint8(at))).toEqual([3, 80, 25, 1, 16]);
    expect(page.getUint16(2, true)).toBe(15 * 1024);
    expect(page.getUint32(0x1e0, true)).toBe(15 * 1024);
    const entries = Array.from({ length: page.getUint8(0x1e8) }, (_, n) =>
      [0, 4, 8, 12, 16].map(at => page.getUint32(0x2d0 + 20 * n + at, true)),
    );
    expect(entries).toEqual([
      [0, 0, 0x9fc00, 0, 1],
      [0x9fc00, 0, 0x60400, 0, 2],
      [MIB, 0, 15 * MIB, 0, 1],
    ]);
    // What the header's length byte leaves out stays zero: 0x202 + 0x6a is its end.
    expect(page.getUint32(0x26c, true)).toBe(0);
  });

  it('leaves a GDT with flat code and data at 10h and 18h', () => {
    const ram = new Ram();
    const { gdt } = load(ram, { bytes: bzImage() });
    const descriptor = (selector: number) => ram.view.getBigUint64(gdt.base + selector, true);
    expect(descriptor(0x10)).toBe(0x00cf9b000000ffffn);
    expect(descriptor(0x18)).toBe(0x00cf93000000ffffn);
    expect(gdt.limit).toBe(0x1f);
  });

  it.each([
    ['the end of RAM', 0x7fffffff, 8 * MIB, 0x7fe000],
    ['what the kernel allows', 0x5fffff, 8 * MIB, 0x5fe000],
    ['what old kernels allow', 0, 1024 * MIB, 0x37ffe000],
  ])('puts the initrd below %s', (_what, initrdMax, ramSize, place) => {
    const ram = new Ram(ramSize);
    const version = initrdMax === 0 ? 0x202 : 0x20f;
    const initrd = Uint8Array.from({ length: 5000 }, (_, i) => i);
    const { esi } = load(ram, { bytes: bzImage({ initrdMax, version }), initrd });
    expect(ram.view.getUint32(esi + 0x218, true)).toBe(place);
    expect(ram.view.getUint32(esi + 0x21c, true)).toBe(5000);
    expect(Buffer.from(ram.bytes.subarray(place, place + 5000)).equals(Buffer.from(initrd))).toBe(true);
  });

  it('loads a vmlinux by physical addresses', () => {
    const ram = new Ram();
    const segments = [{ virtual: 0xc0100000, physical: MIB, data: Uint8Array.of(1, 2, 3), memory: 16 }];
    const bytes = tinyElf({ entry: 0xc0100000, segments });
    const { eip, esi } = load(ram, { bytes, commandLine: 'x' });
    expect(eip).toBe(MIB);
    expect([...ram.bytes.subarray(MIB, MIB + 5)]).toEqual([1, 2, 3, 0, 0]);
    expect(ram.view.getUint32(esi + 0x202, true)).toBe(0x53726448);
    expect(ram.text(ram.view.getUint32(esi + 0x228, true))).toBe('x');
  });

  it('writes the tables that it is given', () => {
    const ram = new Ram();
    load(ram, { bytes: bzImage(), tables: [{ address: 0xf5a00, bytes: Uint8Array.of(9, 8) }] });
    expect([ram.bytes[0xf5a00], ram.bytes[0xf5a01]]).toEqual([9, 8]);
  });

  it.each<[string, Partial<Fields>, string]>([
    ['no boot flag', { bootFlag: 0 }, 'neither an ELF file nor a bzImage'],
    ['another magic', { magic: 0x12345678 }, 'neither an ELF file nor a bzImage'],
    ['an old protocol', { version: 0x201 }, 'boot protocol 2.01 is too old: 2.02 or later'],
    ['a zImage', { loadflags: 0 }, 'a zImage'],
    ['a cut payload', { syssize: 0x300 }, 'cut short: its protected-mode part is 12288 bytes'],
    ['a huge size', { syssize: 0xffffffff }, 'cut short'],
    ['a setup part beyond the file', { setupSects: 255, payload: -0x100 }, 'cut short: its setup part alone'],
    ['an address beyond RAM', { code32: 0xfffff000 }, 'memory too small'],
    ['an address below 1 MiB', { code32: 0x90000 }, 'to be loaded below 1 MiB'],
    ['an address in the hole', { code32: 0xa0000 }, 'overlaps the hole'],
  ])('refuses %s', (_what, changes, message) => {
    expect(() => load(new Ram(), { bytes: bzImage(changes) })).toThrow(GuestError);
    expect(() => load(new Ram(), { bytes: bzImage(changes) })).toThrow(message);
  });

  it.each<[string, Partial<LinuxImage>, string]>([
    ['an initrd larger than RAM', { initrd: new Uint8Array(9 * MIB) }, 'memory too small: kernel and initrd'],
    ['an initrd that meets the kernel', { initrd: new Uint8Array(6 * MIB + 1) }, 'memory too small'],
    ['a command line beyond the limit', { commandLine: 'x'.repeat(2048) }, 'longer than 2047 bytes'],
    ['a NUL in the command line', { commandLine: 'a\0b' }, 'contains a NUL'],
  ])('refuses %s', (_what, image, message) => {
    expect(() => load(new Ram(), { bytes: bzImage(), ...image })).toThrow(message);
  });

  it('answers bytes that are no kernel, and kernels cut anywhere, with a GuestError', () => {
    const random = seeded(7);
    const whole = bzImage();
    for (let n = 0; n < 300; n++) {
      const bytes = whole.slice(0, n % 2 ? random() % whole.length : whole.length);
      for (let i = 0; i < n % 7; i++) bytes[0x1f1 + (random() % 0x80)] = random();
      try {
        load(new Ram(), { bytes });
      } catch (error) {
        expect(error).toBeInstanceOf(GuestError);
      }
    }
  });
});
