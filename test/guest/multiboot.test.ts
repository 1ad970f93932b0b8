import { describe, expect, it } from 'vitest';
import { GuestError } from '../../guest/error.ts';
import { type BootImage, hasMultibootHeader, type LoadTarget, loadMultiboot } from '../../guest/multiboot.ts';
import { seeded, tinyElf } from './tiny-elf.ts';

const MIB = 1 << 20;

class Ram implements LoadTarget {
  readonly ramSize: number;
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(ramSize = 4 * MIB) {
    this.ramSize = ramSize;
    // Junk, so that a forgotten zero shows.
    this.bytes = new Uint8Array(ramSize).fill(0xa5);
    this.view = new DataView(this.bytes.buffer);
  }

  writePhysical(physical: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, physical);
  }

  word(at: number): number {
    return this.view.getUint32(at, true);
  }

  text(at: number): string {
    return Buffer.from(this.bytes.subarray(at, this.bytes.indexOf(0, at))).toString();
  }
}

const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const header = (flags: number, ...more: number[]) => words(0x1badb002, flags, -(0x1badb002 + flags), ...more);

function elfImage(physical = 0x100000, memory = 0x3000, flags = 3): Uint8Array {
  const virtual = (physical + 0xc0000000) >>> 0;
  return tinyElf({ entry: virtual + 16, segments: [{ virtual, physical, data: header(flags), memory }] });
}

const load = (ram: Ram, image: Partial<BootImage> & { bytes: Uint8Array }) =>
  loadMultiboot(ram, { name: 'k.elf', ...image });

describe('loadMultiboot', () => {
  it('loads an ELF image to physical addresses, zeroes the rest and enters at the physical entry', () => {
    const ram = new Ram();
    expect(load(ram, { bytes: elfImage() })).toMatchObject({ eip: 0x100010, eax: 0x2badb002 });
    expect(ram.word(0x100000)).toBe(0x1badb002);
    expect(ram.bytes.subarray(0x10000c, 0x103000).every(b => b === 0)).toBe(true);
    expect(ram.bytes[0x103000]).toBe(0xa5);
  });

  it('writes MP tables for a board into memory that its map calls reserved, and none without', () => {
    const ram = new Ram();
    const { ebx } = load(ram, { bytes: elfImage() });
    expect(ram.bytes.subarray(0xf_0000, 0x10_0000).every(b => b === 0xa5)).toBe(true);
    load(ram, { bytes: elfImage(), board: { signature: 0x686, features: 0x200, pci: [] } });
    expect(String.fromCharCode(...ram.bytes.subarray(0xf_5a00, 0xf_5a04))).toBe('_MP_');
    const map = ram.word(ebx + 48);
    const reserved = [24 + 4, 24 + 12, 24 + 20].map(offset => ram.word(map + offset));
    expect(reserved).toEqual([0x9_fc00, 0x10_0000 - 0x9_fc00, 2]);
  });

  it('passes command line, memory, map, modules and its name', () => {
    const ram = new Ram(16 * MIB);
    const modules = [
      { commandLine: 'e1000.ko', bytes: Uint8Array.of(1, 2, 3) },
      { commandLine: 'netsend 10.0.0.2 9', bytes: new Uint8Array(5000).fill(7) },
    ];
    const { ebx } = load(ram, { bytes: elfImage(), commandLine: 'k.elf isolation=nooks', modules });
    expect(ebx).toBe(0x1000);
    expect(ram.word(ebx) & 0x24d).toBe(0x24d);
    expect([ram.word(ebx + 4), ram.word(ebx + 8)]).toEqual([639, 15 * 1024]);
    expect(ram.text(ram.word(ebx + 16))).toBe('k.elf isolation=nooks');
    expect(ram.text(ram.word(ebx + 64))).toBe('nooks86');

    expect(ram.word(ebx + 20)).toBe(2);
    const list = ram.word(ebx + 24);
    expect([ram.word(list), ram.word(list + 4)]).toEqual([0x103000, 0x103003]);
    expect([ram.word(list + 16), ram.word(list + 20)]).toEqual([0x104000, 0x104000 + 5000]);
    expect([ram.text(ram.word(list + 8)), ram.text(ram.word(list + 24))]).toEqual(
      modules.map(m => m.commandLine),
    );
    expect([...ram.bytes.subarray(0x103000, 0x103003)]).toEqual([1, 2, 3]);
    expect(ram.bytes[0x104000 + 4999]).toBe(7);

    const map: number[][] = [];
    const mapEnd = ram.word(ebx + 48) + ram.word(ebx + 44);
    for (let at = ram.word(ebx + 48); at < mapEnd; at += ram.word(at) + 4) {
      map.push([ram.word(at + 4), ram.word(at + 12), ram.word(at + 20)]);
    }
    expect(map).toEqual([
      [0, 0x9fc00, 1],
      [0x9fc00, 0x60400, 2],
      [0x100000, 15 * MIB, 1],
    ]);
  });

  it('keeps the information clear of an image in low memory', () => {
    const ram = new Ram();
    const { ebx } = load(ram, { bytes: elfImage(0x1000, 0x3004) });
    expect(ebx).toBe(0x4010);
    expect(ram.word(0x1000)).toBe(0x1badb002);
  });

  it('loads by the addresses in the header (a.out kludge), in an ELF file too', () => {
    const code = [0xf4, 0x90, 0x90, 0x90];
    const image = (loadEnd: number, bssEnd: number) =>
      Uint8Array.of(
        ...[1, 2, 3, 4],
        ...header(1 << 16, 0x200004, 0x200000, loadEnd, bssEnd, 0x200024),
        ...code,
        ...[9, 9, 9, 9],
      );
    const ram = new Ram();
    expect(load(ram, { bytes: image(0x200028, 0x200100) }).eip).toBe(0x200024);
    expect([...ram.bytes.subarray(0x200000, 0x200004)]).toEqual([1, 2, 3, 4]);
    expect(ram.bytes[0x200024]).toBe(0xf4);
    expect(ram.bytes.subarray(0x200028, 0x200100).every(b => b === 0)).toBe(true);
    expect(ram.bytes[0x200100]).toBe(0xa5);

    const whole = new Ram();
    load(whole, { bytes: image(0, 0) });
    expect(whole.word(0x200028)).toBe(0x09090909);
    expect(whole.bytes[0x20002c]).toBe(0xa5);

    const addresses = header(1 << 16, 0x300000, 0x300000, 0x300020, 0, 0x300000);
    const elf = tinyElf({ entry: 0x100000, segments: [{ virtual: 0x100000, data: addresses }] });
    expect(load(new Ram(), { bytes: elf }).eip).toBe(0x300000);
  });

  it.each<[string, Uint8Array, string]>([
    ['no header', tinyElf({ segments: [{ virtual: 0x100000, data: [1] }] }), 'no Multiboot header'],
    ['a wrong checksum', words(0x1badb002, 3, 0), 'no Multiboot header'],
    ['a header past 8 KiB', Uint8Array.of(...new Uint8Array(8192), ...header(0)), 'no Multiboot header'],
    [
      'a header that is not all in 8 KiB',
      Uint8Array.of(...new Uint8Array(8184), ...header(0)),
      'no Multiboot header',
    ],
    ['a video mode', elfImage(0x100000, 0x1000, 4), 'video mode'],
    ['unknown features', elfImage(0x100000, 0x1000, 8), 'unknown Multiboot features'],
    ['no ELF and no addresses', header(0), 'neither an ELF file'],
    ['an image too large', elfImage(0x100000, 3 * MIB + 1), 'memory too small: it needs 5 MiB, there are 4'],
    ['an image far away', elfImage(0x40000000), 'memory too small'],
    ['an image on the video memory', elfImage(0x9f000), 'hole below 1 MiB'],
    ['an image that fills low memory', elfImage(0x1000, 0x9ebc0), 'no room below 640 KiB'],
    [
      'a load address beyond the header',
      header(1 << 16, 0x200000, 0x200004, 0, 0, 0),
      'beyond its header address',
    ],
    [
      'a load end below the start',
      header(1 << 16, 0x200000, 0x200000, 0x1fffff, 0, 0),
      'below the load address',
    ],
    ['a load end beyond the file', header(1 << 16, 0x200000, 0x200000, 0x300000, 0, 0), 'outside the file'],
    ['addresses cut short', header(1 << 16, 0x200000), 'outside the file'],
  ])('refuses %s in one line', (_what, bytes, problem) => {
    const attempt = () => load(new Ram(), { bytes });
    expect(attempt).toThrow(GuestError);
    expect(attempt).toThrow(problem);
  });

  it('refuses a module or a command line for which there is no room', () => {
    const bytes = elfImage();
    const modules = [{ commandLine: 'big', bytes: new Uint8Array(3 * MIB) }];
    expect(() => load(new Ram(), { bytes, modules })).toThrow('module "big" would end at 5 MiB, there are 4');
    expect(() => load(new Ram(), { bytes, commandLine: 'x'.repeat(MIB) })).toThrow('no room below 640 KiB');
  });

  it('survives random changes of an image', () => {
    const random = seeded(2);
    const ram = new Ram(2 * MIB);
    const kludge = header(1 << 16, 0x180000, 0x180000, 0, 0x190000, 0x180000);
    for (const bytes of [elfImage(), kludge]) {
      for (let round = 0; round < 3000; round++) {
        const copy = bytes.slice();
        copy[random() % copy.length] = random();
        try {
          load(ram, { bytes: copy });
        } catch (error) {
          expect(error).toBeInstanceOf(GuestError);
        }
      }
    }
  });
});

describe('hasMultibootHeader', () => {
  it('looks for magic, alignment and checksum', () => {
    expect(hasMultibootHeader(elfImage())).toBe(true);
    expect(hasMultibootHeader(Uint8Array.of(0, 0, ...header(0)))).toBe(false);
    expect(hasMultibootHeader(new Uint8Array(0))).toBe(false);
  });
});
