/**
 * The firmware's ROM and the RAM behind it: a ROM that ends at 4 GiB, its last 128 KiB seen again below 1 MiB, and
 * the 82441FX's programmable attribute map (PAM, configuration bytes 59h to 5Fh) that says for each segment from
 * C0000 to FFFFF whether reads and writes reach ROM or RAM (82441FX data sheet, section 3.2.17).
 *
 * What the guest reads lies in the machine's RAM array, so that code runs from it at full speed; what is hidden at the
 * moment lies here. A segment without ROM reads all ones. Left out: expansion ROMs of PCI functions, flash writes.
 */
import type { AccessSize, MmioHandler, MmioRange, Saved } from './bus.ts';
import { PAGE_HOLE, PAGE_ROM } from './mmu/attributes.ts';
import type { Mmu } from './mmu/mmu.ts';

const FIRST = 0xc_0000;
const END = 0x10_0000;
const LOW_ROM = 0x2_0000;
const TOP = 0x1_0000_0000;
const STEP = 0x1_0000;
const LARGEST = 0x100_0000;

/** PAM attributes of a segment. */
const READ = 1; // reads come from RAM
const WRITE = 2; // writes go to RAM

/** The segment of each attribute nibble from 59h on, the low one first; the low nibble of 59h is none. */
const SEGMENTS = Array.from({ length: 14 }, (_, nibble) => {
  if (nibble < 2) return { base: 0xf_0000, length: nibble * 0x1_0000 };
  return { base: FIRST + (nibble - 2) * 0x4000, length: 0x4000 };
});

export interface RomHost {
  mmu: Mmu;
  ram: Uint8Array;
  /** Bytes of RAM changed behind the CPU's back. */
  ramChanged(pa: number, length: number): void;
}

export interface RomState {
  attributes: number[];
  hidden: Uint8Array;
}

/** Throws a RangeError for a size that no ROM here can have. */
export function checkRom(image: Uint8Array): void {
  if (image.length === 0 || image.length % STEP !== 0 || image.length > LARGEST)
    throw new RangeError(`ROM of ${image.length} bytes: must be 64 KiB to 16 MiB in steps of 64 KiB`);
}

export class Rom implements Saved {
  private readonly image: Uint8Array;
  private readonly host: RomHost;
  /** What reads find from C0000 on while RAM is hidden. */
  private readonly rom = new Uint8Array(END - FIRST).fill(0xff);
  /** RAM from C0000 on, of the segments whose reads come from ROM. */
  private readonly hidden = new Uint8Array(END - FIRST);
  /** PAM attributes, one a segment. */
  private readonly attributes: number[] = Array(SEGMENTS.length).fill(0);

  constructor(image: Uint8Array, host: RomHost) {
    checkRom(image);
    this.image = image.slice();
    this.host = host;
    const low = this.image.subarray(Math.max(0, image.length - LOW_ROM));
    this.rom.set(low, this.rom.length - low.length);
    host.ram.set(this.rom, FIRST);
    this.applyAll();
  }

  /** The ROM at the top of memory, and the window below 1 MiB, which matters where pages are holes. */
  ranges(): MmioRange[] {
    const { image, rom, hidden } = this;
    const top: MmioHandler = {
      readMmio: (offset, size) => load(image, offset, size),
      writeMmio: () => {},
      fetchMmio: offset => image[offset],
    };
    const window: MmioHandler = {
      readMmio: (offset, size) => load(rom, offset, size),
      writeMmio: (offset, size, value) => {
        for (let i = 0; i < size; i++) hidden[offset + i] = value >>> (8 * i);
      },
      fetchMmio: offset => rom[offset],
    };
    return [
      { base: TOP - image.length, length: image.length, bus: 'isa', name: 'ROM', handler: top },
      { base: FIRST, length: END - FIRST, bus: 'isa', name: 'ROM window', handler: window },
    ];
  }

  /** Programs the ROM at a physical address below 1 MiB, where its last 128 KiB are seen. Throws a RangeError. */
  program(physical: number, bytes: Uint8Array): void {
    const { image, rom, host } = this;
    const at = physical - END + image.length;
    const low = Math.min(LOW_ROM, image.length);
    if (physical < END - low || physical + bytes.length > END)
      throw new RangeError(`0x${physical.toString(16)}: not ROM`);
    image.set(bytes, at);
    rom.set(bytes, physical - FIRST);
    bytes.forEach((byte, n) => {
      if (!this.ramVisible(physical + n)) host.ram[physical + n] = byte;
    });
    host.ramChanged(physical, bytes.length);
  }

  private ramVisible(pa: number): boolean {
    const n = SEGMENTS.findIndex(({ base, length }) => pa >= base && pa < base + length);
    return (this.attributes[n] & READ) !== 0;
  }

  /** Takes over the PAM bytes, 59h first. */
  setAttributes(pam: readonly number[]): void {
    SEGMENTS.forEach(({ base, length }, n) => {
      const next = (pam[n >> 1] >> (4 * (n & 1))) & (READ | WRITE);
      const old = this.attributes[n];
      if (length === 0 || next === old) return;
      this.attributes[n] = next;
      if ((next ^ old) & READ) this.swap(base, length, (next & READ) !== 0);
      this.apply(n);
    });
  }

  save(): RomState {
    return { attributes: this.attributes.slice(), hidden: this.hidden.slice() };
  }

  /** RAM and page attributes are the state's and the MMU's to restore. */
  load(state: RomState): void {
    state.attributes.forEach((a, n) => {
      this.attributes[n] = a;
    });
    this.hidden.set(state.hidden);
  }

  /** Exchanges what reads find in a segment. */
  private swap(base: number, length: number, toRam: boolean): void {
    const { ram } = this.host;
    const at = base - FIRST;
    if (!toRam) this.hidden.set(ram.subarray(base, base + length), at);
    ram.set((toRam ? this.hidden : this.rom).subarray(at, at + length), base);
    this.host.ramChanged(base, length);
  }

  private applyAll(): void {
    for (let n = 0; n < SEGMENTS.length; n++) this.apply(n);
  }

  private apply(n: number): void {
    const { base, length } = SEGMENTS[n];
    const attributes = this.attributes[n];
    const { mmu } = this.host;
    // Reads of ROM with writes to RAM are two places at once: every access takes the window.
    mmu.setPages(base, length, PAGE_HOLE, attributes === WRITE);
    mmu.setPages(base, length, PAGE_ROM, (attributes & WRITE) === 0);
  }
}

function load(bytes: Uint8Array, offset: number, size: AccessSize): number {
  let value = 0;
  for (let i = 0; i < size; i++) value |= bytes[offset + i] << (8 * i);
  return value >>> 0;
}
